"""From a stored delivery to a call: ages, views and searches, and everything that cannot be read."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, fields, validate

from schemas.base import PlatformSchema
from schemas.events import Browsing, DataRequest, Ignored, Line, Reason, Redaction, Translation, Visitor
from schemas.fields import Text
from tests.support.recordings import claimed, payload_of
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import Platform, Topic
from webhook_app.signing.hmac_schemes import BodyHmac
from webhook_app.translation.product_keys import product_key
from webhook_app.translation.translate import AgeLimits, parse_json, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox import Delivery
    from webhook_app.translation.translate import Decision

ARRIVED = datetime(2026, 11, 23, 12, tzinfo=UTC)
AGES = AgeLimits(max_order_age=7 * 86_400, max_age=86_400)
KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
CARRIED = Visitor({"tweakwise_profile_key": KEY})
SHOPIFY_ORDER: dict[str, Any] = {
    "id": 6210984337654,
    "created_at": "2026-11-23T12:59:31+01:00",
    "financial_status": "paid",
    "taxes_included": False,
    "currency": "EUR",
    "customer_locale": "nl-NL",
    "customer": {"id": 5512398765},
    "note_attributes": [{"name": "tweakwise_profile_key", "value": KEY}],
    "line_items": [
        {"product_id": 11, "variant_id": 12, "sku": "700", "quantity": 2, "price": "10.00", "total_discount": "0.00"}
    ],
}
WOOCOMMERCE_ORDER: dict[str, Any] = {
    "id": 21,
    "status": "processing",
    "date_created_gmt": "2026-11-23T11:59:31",
    "currency": "EUR",
    "customer_id": 2,
    "meta_data": [{"key": "_tweakwise_profile_key", "value": KEY}],
    "line_items": [{"product_id": 11, "variation_id": 0, "sku": "700", "total": "10.00", "meta_data": []}],
}
ORDERS = {"shopify": ("orders/create", SHOPIFY_ORDER), "woocommerce": ("order.created", WOOCOMMERCE_ORDER)}
EVERY_FIELD = ('product_key = "{product_id}{variant_id}{sku:04d}{currency}"', 'profile_salt = "salt"')
NO_JSON = "the body is not valid JSON"
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals().map(str)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["\ud800", "9" * 5000, "1e999999999", "", "0", "paid", "2026-11-23T12:00:00Z", 10**4000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


class SearchSchema(PlatformSchema):
    """A search, as some platform might post it."""

    term = Text(required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        return Browsing("search", CARRIED, {"search_term": loaded["term"]})


class PageviewSchema(PlatformSchema):
    """A product view, as some platform might post it."""

    product = Text(required=True)
    known = fields.Boolean(load_default=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        visitor = CARRIED if loaded["known"] else Visitor()
        return Browsing("pageview", visitor, {}, Line({"product_id": loaded["product"]}), {"locale": "nl-NL"})


class StrictSchema(PlatformSchema):
    """A payload with a field that has two validators."""

    term = Text(required=True, validate=[validate.Length(min=2), validate.OneOf(["ab", "cd"])])

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        return Browsing("search", CARRIED, {"search_term": loaded["term"]})


class RedactionSchema(PlatformSchema):
    """A privacy request, as some platform might post it."""

    def to_event(self, loaded: dict[str, Any]) -> Translation:  # noqa: ARG002 - always the same
        return Redaction("a.example", "7")


PIXEL = Platform(
    name="pixel",
    title="Pixel",
    signature=BodyHmac(("x-signature",)),
    topic_headers=("x-topic",),
    topics=(
        Topic("search", "A search.", SearchSchema(), lambda _: {}),
        Topic("view", "A view.", PageviewSchema(), lambda _: {}),
        Topic("strict", "A search.", StrictSchema(), lambda _: {}),
        Topic("redact", "A privacy request.", RedactionSchema(), lambda _: {}),
    ),
)
PLATFORMS = {**all_platforms(), PIXEL.name: PIXEL}
SECRET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"  # a key to every platform


def shop(platform: str, *lines: str) -> shops.Shop:
    own = ["[shops.a]", f'platform = "{platform}"', f'secrets = ["{SECRET}"]', 'instance_key = "1234abcd"', *lines]
    return shops.parse("\n".join(own), "shops.toml", PLATFORMS)["a"]


SHOPS = {name: shop(name, 'profile_salt = "salt"') for name in PLATFORMS}


def delivery(platform: str, topic: str, body: bytes | None, arrived: datetime = ARRIVED) -> Delivery:
    return claimed("a", platform, topic, body, arrived)


def translated(arrival: Delivery, config: shops.Shop | None = None, now: datetime = ARRIVED) -> Decision:
    config = config or SHOPS[arrival.platform]
    return translate(payload_of(arrival), config, PLATFORMS[arrival.platform], AGES, now)


def of_order(platform: str = "shopify", arrived: datetime = ARRIVED, **changed: Any) -> Delivery:
    topic, order = ORDERS[platform]
    return delivery(platform, topic, json.dumps({**order, **changed}).encode(), arrived)


def seen(topic: str, payload: dict[str, Any], arrived: datetime = ARRIVED) -> Delivery:
    return delivery("pixel", topic, json.dumps(payload).encode(), arrived)


def reason(answer: Decision) -> Reason:
    assert isinstance(answer, Ignored)
    return answer.reason


def detail(answer: Decision) -> str:
    assert isinstance(answer, Unreadable)
    return answer.detail


@pytest.mark.parametrize("platform", ORDERS)
@pytest.mark.parametrize(
    ("age", "counts"),
    [
        (timedelta(0), True),
        (timedelta(days=7), True),
        (timedelta(days=7, seconds=1), False),
        (timedelta(days=400), False),
        (timedelta(days=-1), True),
    ],
    ids=["new", "just young enough", "a second too old", "old", "from the future"],
)
def test_age_of_an_order(platform: str, age: timedelta, counts: bool) -> None:
    """An order that was old when it arrived is an edit and does not count."""
    made = (ARRIVED - age).isoformat()
    answer = translated(of_order(platform, created_at=made, date_created_gmt=made))
    assert isinstance(answer, Call) if counts else reason(answer) is Reason.TOO_OLD


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=8), timedelta(days=400)])
def test_age_is_taken_at_arrival(later: timedelta) -> None:
    """A replay, however late, gives the same answer as the first try."""
    assert isinstance(translated(of_order(), now=ARRIVED + later), Call)


def test_age_names_the_day() -> None:
    """The detail has the date of the order."""
    answer = translated(of_order(created_at="2026-01-02T03:04:05Z"))
    assert answer == Ignored(
        Reason.TOO_OLD, "The order was placed on 2026-01-02, longer ago than MAX_ORDER_AGE: this is an edit."
    )


@pytest.mark.parametrize(
    ("topic", "payload", "call"),
    [
        ("search", {"term": "jas"}, Call("search", "search:5", {"SearchTerm": "jas", "ProfileKey": KEY})),
        ("view", {"product": "11"}, Call("pageview", "pageview:5", {"ProductKey": "11", "ProfileKey": KEY})),
    ],
)
def test_view_becomes_a_call(topic: str, payload: dict[str, Any], call: Call) -> None:
    """Where repeats count too, a view counts once a delivery: its key is the delivery's number."""
    assert translated(seen(topic, payload), shop("pixel", "repeat_within = 0")) == call


@pytest.mark.parametrize(("topic", "payload"), [("search", {"term": "jas"}), ("view", {"product": "11"})])
@pytest.mark.parametrize(
    ("waited", "expired"),
    [
        (timedelta(0), False),
        (timedelta(days=1), False),
        (timedelta(days=1, milliseconds=1), True),
        (timedelta(days=30), True),
    ],
)
def test_view_expires(topic: str, payload: dict[str, Any], waited: timedelta, expired: bool) -> None:
    """A search or view that waited longer than MAX_AGE is dropped: the API has no timestamp."""
    answer = translated(seen(topic, payload), now=ARRIVED + waited)
    assert (reason(answer) is Reason.EXPIRED) if expired else isinstance(answer, Call)


@pytest.mark.parametrize("later", [timedelta(days=2), timedelta(days=400)])
def test_purchase_does_not_expire(later: timedelta) -> None:
    """A purchase counts however long it waited."""
    assert isinstance(translated(of_order(), now=ARRIVED + later), Call)


def test_view_without_profile() -> None:
    """A view without a visitor is ignored."""
    assert reason(translated(seen("view", {"product": "11", "known": False}))) is Reason.NO_PROFILE


@pytest.mark.parametrize("config", ['product_key = "{sku}"', 'product_key = "{product_id:04d}"'])
def test_view_without_product_key(config: str) -> None:
    """A view of a product that the template cannot name is ignored."""
    answer = translated(seen("view", {"product": "x"}), shop("pixel", config))
    assert reason(answer) is Reason.NO_PRODUCT


def test_view_uses_constants_of_its_locale() -> None:
    """A view's product key takes the shop's fields for its locale."""
    config = shop("pixel", 'product_key = "1{store:04d}{product_id}"', "fields_by_locale.nl.store = 3")
    answer = translated(seen("view", {"product": "11"}), config)
    assert isinstance(answer, Call)
    assert answer.body == {"ProductKey": "1000311", "ProfileKey": KEY}


def test_empty_search_is_unreadable() -> None:
    """A term must not be empty."""
    assert detail(translated(seen("search", {"term": ""}))) == "SearchTerm: Shorter than minimum length 1."


@pytest.mark.parametrize("topic", ["redact", "search"])
def test_wiped_body(topic: str) -> None:
    """A body that was wiped before it was sent cannot be sent."""
    assert reason(translated(delivery("pixel", topic, None))) is Reason.REDACTED


def test_duty_is_passed_on() -> None:
    """What is no event goes on as it is."""
    assert translated(seen("redact", {})) == Redaction("a.example", "7")


def test_data_request_is_passed_on() -> None:
    """A customer's question goes on as it is."""
    body = b'{"shop_id":1,"shop_domain":"a.example","customer":{"id":7},"orders_requested":[],"data_request":{"id":9}}'
    answer = translated(delivery("shopify", "customers/data_request", body))
    assert answer == DataRequest(Redaction("a.example", "7"))


@pytest.mark.parametrize("topic", ["orders/fulfilled", "carts/update", "nonsense", "orders/create/x"])
def test_unmapped_topic(topic: str) -> None:
    """An unmapped topic is ignored, whatever is in its body."""
    assert reason(translated(delivery("shopify", topic, b"{}"))) is Reason.UNMAPPED_TOPIC


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"order",
        b"{",
        b'{"id":1}{"id":2}',
        b"{'id':1}",
        b'{"id":1,}',
        b"\xff\xfe\xfd",
        b"\x00",
        b"NaN",
        b'{"id":NaN}',
        b'{"id":Infinity}',
        b'{"id":-Infinity}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("platform", ORDERS)
def test_body_that_is_no_json(platform: str, body: bytes) -> None:
    """What is no JSON, or hostile JSON, is one sentence and never an exception."""
    assert detail(translated(delivery(platform, ORDERS[platform][0], body))) == NO_JSON


@pytest.mark.parametrize("body", [b"null", b"1", b'"order"', b"[]", b'[{"id":1}]', b"true"])
@pytest.mark.parametrize("platform", ORDERS)
def test_body_that_is_no_object(platform: str, body: bytes) -> None:
    """JSON of another kind is one sentence."""
    assert detail(translated(delivery(platform, ORDERS[platform][0], body))) == "the payload is not a JSON object"


def test_every_complaint_about_a_field_is_reported() -> None:
    """Two complaints about one field stand behind its path, as two sentences."""
    text = detail(translated(delivery("pixel", "strict", b'{"term": "x"}')))
    assert text == "term: Shorter than minimum length 2. Must be one of: ab, cd."


@pytest.mark.parametrize(
    ("platform", "changed", "text"),
    [
        ("shopify", {"id": None}, "id: Field may not be null."),
        ("shopify", {"created_at": 5}, "created_at: is not a time in ISO 8601"),
        ("shopify", {"line_items": [{"product_id": 1.5}]}, "line_items.0.product_id: is not an id"),
        ("shopify", {"line_items": ["x"]}, "line_items.0: Invalid input type."),
        ("shopify", {"id": "\ud83d"}, "id: contains an incomplete character (a lone surrogate)"),
        (
            "woocommerce",
            {"status": 1, "id": []},
            "id: is not an id: expected a whole number or text; status: is ",
        ),
        (
            "woocommerce",
            {"date_created_gmt": None},
            "date_created_gmt: is missing or no time, as in older APIs: ",
        ),
    ],
)
def test_odd_field_is_named_by_its_path(platform: str, changed: dict[str, Any], text: str) -> None:
    """A missing or odd field gives a sentence naming its path."""
    assert detail(translated(of_order(platform, **changed))).startswith(text)


def test_sentence_does_not_repeat_values() -> None:
    """A path is named, and never its value."""
    lines = [{"price": "geheim", "sku": ["geheim"]}]
    changed: dict[str, Any] = {"created_at": "geheim", "customer": "geheim", "line_items": lines}
    assert "geheim" not in detail(translated(of_order(**changed)))


def test_revenue_below_zero_is_left_out() -> None:
    """A sum below zero, which the API refuses, is left out, and the purchase is sent with a remark."""
    answer = translated(of_order("woocommerce", line_items=[{"product_id": 11, "total": "-5.00"}]))
    assert isinstance(answer, Call)
    assert (answer.body.get("Revenue"), answer.note[:21]) == (None, "Sent without revenue:")


@pytest.mark.parametrize(
    ("purchase_on", "changed", "expected"),
    [
        ("pending", {"financial_status": "pending"}, None),
        ("placed", {"financial_status": "pending"}, None),
        ("placed", {"financial_status": "authorized"}, None),
        ("paid", {"financial_status": "pending"}, Reason.NOT_PAID),
        ("paid", {"financial_status": "authorized"}, Reason.NOT_PAID),
        ("paid", {"financial_status": "paid"}, None),
    ],
)
def test_when_it_is_a_purchase(purchase_on: str, changed: dict[str, Any], expected: Reason | None) -> None:
    """The shop chooses from which stage on an order counts."""
    answer = translated(of_order(**changed), shop("shopify", f'purchase_on = "{purchase_on}"'))
    assert isinstance(answer, Call) if expected is None else reason(answer) is expected


def test_product_once() -> None:
    """Two variants of a product are one product key, in the order of their lines."""
    lines = [{"product_id": 12, "variant_id": 1}, {"product_id": 11}, {"product_id": 12, "variant_id": 2}]
    answer = translated(of_order(line_items=lines))
    assert isinstance(answer, Call)
    assert answer.body["ProductKeys"] == ["12", "11"]


def test_nothing_is_noted_without_skipped_lines() -> None:
    """A call of which no line was skipped has no remark."""
    answer = translated(of_order(line_items=[{"product_id": 11}]))
    assert isinstance(answer, Call)
    assert answer.note == ""


def test_skipped_lines_are_noted() -> None:
    """A line that lacks a field of the template is skipped, counted and reported."""
    lines = [{"product_id": 11, "sku": "A"}, {"product_id": 12}]
    answer = translated(of_order(line_items=lines), shop("shopify", 'product_key = "{sku}"'))
    assert isinstance(answer, Call)
    assert answer.note == "1 of 2 lines skipped: they lack a field that the product key {sku} needs."


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ([], "No line of the order is a product."),
        ([{"product_id": None}], "No line of the order is a product."),
        (
            [{"product_id": 1}, {"product_id": 2}],
            "None of its 2 lines has every field that the product key {sku} needs.",
        ),
    ],
)
def test_no_product(lines: list[dict[str, Any]], text: str) -> None:
    """An order without a usable line is ignored, and the detail distinguishes the two cases."""
    answer = translated(of_order(line_items=lines), shop("shopify", 'product_key = "{sku}"'))
    assert answer == Ignored(Reason.NO_PRODUCT, text)


def test_line_goes_before_order_and_shop_before_both() -> None:
    """A template's field comes from the shop, then from the line, then from the order."""
    config = shop("shopify", 'product_key = "{locale}-{product_id}"', 'fields_by_locale.nl-NL.locale = "nl"')
    assert product_key(Line({"product_id": "11"}), {"locale": "nl-NL", "product_id": "x"}, config) == "nl-11"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19.95", Decimal("19.95")),
        ("0.1", Decimal("0.1")),
        ("1e3", Decimal("1E+3")),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_numbers_are_exact(text: str, value: Any) -> None:
    """A JSON number never passes through a float."""
    parsed = parse_json(text.encode())
    assert (type(parsed), parsed) == (type(value), value)


@given(st.binary(max_size=60) | st.text(st.characters(), max_size=60).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_json_or_a_fault(body: bytes) -> None:
    """No bytes raise anything but the fault that they are no JSON."""
    try:
        parse_json(body)
    except ValidationError as error:
        assert error.messages == [NO_JSON]  # noqa: PT017 - either end is right


@pytest.mark.parametrize("platform", ORDERS)
@settings(max_examples=300)
@given(data=st.data())
def test_any_change_of_an_order_is_translated(platform: str, data: st.DataObject) -> None:
    """Whatever an order contains, the result is a value: an encodable call, a reason or a fault."""
    topic, order = ORDERS[platform]
    changed = copy.deepcopy(order)
    holder, name = data.draw(st.sampled_from(list(_places(changed))))
    holder[name] = data.draw(ANY_JSON)
    answer = translated(delivery(platform, topic, json.dumps(changed).encode()), shop(platform, *EVERY_FIELD))
    assert (f"{answer.key} {answer.as_json()}" if isinstance(answer, Call) else answer.detail).encode()  # type: ignore[union-attr]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value that can be replaced."""
    for name in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, name
        if isinstance(node[name], dict | list):
            yield from _places(node[name])


def test_call_is_written_the_same_every_time() -> None:
    """A call's JSON is compact, in its own order, and keeps characters as they are."""
    call = Call("search", "search:1", {"SearchTerm": "jas é", "ProfileKey": "a"}, note="x")
    assert replace(call, note="").as_json() == '{"SearchTerm":"jas é","ProfileKey":"a"}'


def test_test_order_is_sent_only_on_request_and_labelled() -> None:
    """A shop that asks for test orders gets them as internal traffic; a test notification's is cancelled."""
    wanted = shop("shopify", "test_orders = true")
    assert reason(translated(of_order(test=True))) is Reason.TEST_ORDER
    call = translated(of_order(test=True), wanted)
    assert isinstance(call, Call)
    assert call.is_internal
    assert reason(translated(of_order(test=True, cancelled_at="2026-11-23T11:00:00Z"), wanted)) is Reason.TEST_ORDER
    ordinary = translated(of_order(), wanted)
    assert isinstance(ordinary, Call)
    assert not ordinary.is_internal
