"""Masking: which fields of a body, an event and a call are shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import ValidationError

from schemas.events import Line, Payment, Purchase, Visitor
from tests.support.recordings import ASKED, RECEIVED_AT, SIGNED, payload_of
from webhook_app import masking
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.recordings import Recorded

SHOPIFY, WOOCOMMERCE = (all_platforms()[name] for name in ("shopify", "woocommerce"))
TEXT, NUMBER = "Jan Jansen <jan.jansen@example.nl>", 31612345678
STRANGE = {"Jan Jansen": "x", "national_id": 123456782, "_dob": "1980-02-29", "31612345678": True, "jan@example.nl": {}}
CANARIES = ("Jan", "jan", "31612345678", "123456782", "1980-02-29", "example.nl")
AGES = AgeLimits(7 * 86400, 86400, 90 * 86400)


def order(**fields: object) -> Any:
    return masking.masked(fields, SHOPIFY.shown_of("orders/create"))


@pytest.mark.parametrize(
    ("key", "value", "is_shown"),
    [
        ("id", 7, True), ("financial_status", "paid", True), ("total_price", "9.95", True),
        ("created_at", "2026-11-27T10:00:00+01:00", True), ("customer_locale", "nl-NL", True), ("test", True, True),
        ("email", "a@b.nl", False), ("contact_email", "a@b.nl", False), ("phone", 31612345678, False),
        ("note", "ring twice", False), ("order_status_url", "https://x/y", False), ("customer_id", 42, False),
        ("browser_ip", "203.0.113.9", False), ("name", "Jan Jansen", False), ("cart_token", "abc", False),
        ("user_agent", "Mozilla", False), ("whatever_comes_next", "x", False), ("national_id", 123456782, False),
        ("applicant_id", 123456782, False), ("_dob", "1980-02-29", False), ("birth_date", "1980-02-29", False),
        ("tax_exempt", True, False), ("buyer_accepts_marketing", False, False), ("total_price", "0612345678", False),
        ("total_price", 31612345678, False), ("currency", "Jan Jansen", False), ("created_at", "Jan", False),
    ],
)  # fmt: skip
def test_a_field_is_masked_unless_it_is_listed(key: str, value: object, is_shown: bool) -> None:
    """A value is shown where its path is listed, in the form that is expected there; numbers and truth values too."""
    assert (order(**{key: value}) == {key: value}) is is_shown


def test_names_of_fields_are_masked_too() -> None:
    """A sender may write a name or an address where a platform has the name of a field."""
    assert order(note_attributes={"jan@example.nl": "x"}, id=7) == {
        "note_attributes": {masking.MASK: masking.MASK},
        "id": 7,
    }
    assert list(order(a=1, b=2)) == [masking.MASK, f"{masking.MASK} 2"]
    attribute = {"note_attributes": [{"name": "own_key", "value": "v"}, {"name": "Jan", "value": "v"}]}
    found = masking.masked(attribute, SHOPIFY.shown_of("orders/create"), frozenset({"own_key"}))
    assert [pair["name"] for pair in found["note_attributes"]] == ["own_key", masking.MASK]


def test_nothing_of_an_unknown_topic_is_shown() -> None:
    """A topic that no list names may have anything under any name."""
    assert masking.masked({"id": 7, "x": None}, SHOPIFY.shown_of("metafields/update")) == {
        masking.MASK: masking.MASK,
        f"{masking.MASK} 2": None,
    }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [leaf for key, item in items for leaf in leaves(item, (*path, key))]
    yield from inner or [path]


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with every value replaced, and with strange members in every object."""
    if isinstance(value, dict):
        return {key: changed(item, change) for key, item in value.items()} | STRANGE
    return [changed(item, change) for item in value] if isinstance(value, list) else change(value)


def with_one(value: Any, path: tuple[Any, ...], canary: Any) -> Any:
    """The same with one value replaced."""
    if not path:
        return canary
    copy = value.copy()
    copy[path[0]] = with_one(value[path[0]], path[1:], canary)
    return copy


def parsed(fixture: Recorded) -> Any:
    try:
        return json.loads(fixture.body)
    except ValueError:
        return None


def test_no_canary_in_a_fixture_is_shown() -> None:
    """Names, addresses, birthdays and numbers in every value and under every key of every fixture are masked."""
    tried = set()
    for fixture in (*SIGNED, *ASKED):
        topic, value = fixture.verify().topic, parsed(fixture)
        structure = (fixture.platform.name, topic, frozenset(leaves(value)))
        if structure in tried:
            continue
        tried.add(structure)
        shown = fixture.platform.shown_of(topic)
        for body in (
            changed(value, lambda _: TEXT),
            changed(value, lambda _: [TEXT]),
            changed(value, lambda _: STRANGE),
        ):
            text = masking.body(json.dumps(body).encode(), shown, revealed=False)
            assert not [canary for canary in CANARIES if canary in text], fixture.name
        ids = {path for path, form in shown.forms.items() if form in ("id", "ref")}
        number = masking.masked(changed(value, lambda _: NUMBER), replace(shown, forms=without(shown.forms, ids)))
        assert str(NUMBER) not in json.dumps(number), fixture.name


def without(forms: Any, paths: set[str]) -> dict[str, str]:
    return {path: form for path, form in forms.items() if path not in paths}


def test_no_canary_reaches_an_event_or_a_sentence() -> None:
    """What a page shows of the event, the outlook and the faults has no text that a sender put in any one place."""
    tried = set()
    for fixture in (*SIGNED, *ASKED):
        value, delivery = parsed(fixture), fixture.delivery()
        for path in leaves(value):
            plain = (fixture.platform.name, *(key for key in path if isinstance(key, str)))
            if plain in tried:
                continue
            tried.add(plain)
            body = json.dumps(with_one(value, path, TEXT)).encode()
            shown_text = "".join(texts_about(fixture, replace(delivery, body=body)))
            assert not [canary for canary in CANARIES if canary in shown_text], (fixture.name, path)
    assert len(tried) > 500


def texts_about(fixture: Recorded, delivery: Any) -> Iterator[str]:
    platform, payload = fixture.platform, json.loads(delivery.body)
    try:
        yield masking.event(platform.translate(delivery.topic, payload), revealed=False)
    except ValidationError as error:
        yield masking.faults(error.messages, platform.shown_of(delivery.topic).names)
    decision = translate(payload_of(delivery), fixture.shop, platform, AGES, RECEIVED_AT)
    yield getattr(decision, "detail", "") + getattr(decision, "note", "")
    if isinstance(decision, Call):
        yield masking.call(decision.as_json(), revealed=False)
        yield masking.reference(decision.key)


def test_a_call_shows_products_and_amounts() -> None:
    """The keys of profiles and sessions identify a visitor, and a search term is what one typed."""
    sent = (
        '{"ProductKeys":["10"],"Revenue":9.95,"ProfileKey":"jan-jansen","SearchTerm":"jan jansen","SessionKey":"jan"}'
    )
    text = masking.call(sent, revealed=False)
    assert "jan" not in text
    assert json.loads(text)["ProductKeys"] == ["10"]
    assert "9.95" in text
    assert "jan jansen" in masking.call(sent, revealed=True)


@pytest.mark.parametrize(
    "answer", ["no Jan%20Jansen", "jan jansen?", "&#106;an jansen", "\\u006aan jansen", "cut off: jan j", "no (jansen)"]
)
def test_a_response_that_repeats_a_masked_value_is_masked(answer: str) -> None:
    """An API may quote what it refuses, also escaped, and what is stored of it may end within the quotation."""
    sent = '{"SearchTerm":"jan jansen","ProfileKey":"k-9"}'
    assert masking.answer(answer, sent, revealed=False) == masking.MASK
    assert masking.answer(answer, sent, revealed=True) == answer
    assert masking.answer('{"error":"SearchTerm is too long"}', sent, revealed=False) != masking.MASK


def test_event_names_its_payment() -> None:
    """Payment is shown as a word, not as the number of an IntEnum; lines are shown, the visitor is not."""
    visitor, line = Visitor({"tweakwise_profile_key": "k-9"}, customer_id="4711"), Line({"product_id": "1"})
    order = Purchase("7", datetime(2026, 11, 24, tzinfo=UTC), Payment.PAID, visitor, (line,), None)
    text = masking.event(order, revealed=False)
    assert '"payment": "paid"' in text
    assert '"product_id": "1"' in text
    assert "2026-11-24" in text
    assert not {"k-9", "4711"} & set(text.replace('"', " ").split())


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[" * 100_000, b"not json jan@example.nl", b"1" * 300_000, b"NaN"])
def test_odd_bodies_are_shown(raw: bytes) -> None:
    """Any body gives a text without personal data."""
    assert "jan@" not in masking.body(raw, masking.NOTHING, revealed=False)
    assert isinstance(masking.body(raw, masking.NOTHING, revealed=True), str)


def test_headers_with_room_for_a_name_are_masked() -> None:
    """Topics, ids and addresses of shops are shown."""
    given = {"x-shopify-topic": "orders/create", "x-wc-webhook-source": "https://shop.example/", "x": "jan@example.nl"}
    assert masking.headers(given, revealed=False) == {**given, "x": masking.MASK}
    assert masking.headers(given, revealed=True) == given


def test_lists_with_a_hole_are_lists() -> None:
    """PHP writes a list with a hole as an object."""
    shown = WOOCOMMERCE.shown_of("order.created")
    assert masking.masked({"line_items": {"3": {"product_id": 10}}}, shown) == {"line_items": {"3": {"product_id": 10}}}


def test_a_very_large_body_is_not_shown() -> None:
    """Reading and masking it would take seconds, in which the web process serves nothing else."""
    raw = json.dumps(["x" * masking.LARGEST]).encode()
    assert {masking.body(raw, masking.NOTHING, revealed=one) for one in (True, False)} == {masking.too_large(raw)}
    assert str(len(raw)) in masking.too_large(raw)
    assert masking.body(raw[: masking.LARGEST], masking.NOTHING, revealed=True) == raw[: masking.LARGEST].decode()
