"""What one delivery may cost: bounded processor time and a bounded call, whatever a visitor or a shop wrote into it."""

from __future__ import annotations

import copy
import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from schemas.base import MOST_LINES, MOST_VALUES
from schemas.events import Ignored, Reason, Visitor
from tests.support.recordings import as_toml, shop_keys
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import SampleValues
from webhook_app.translation import bots, personal_data, profile_key
from webhook_app.translation.translate import AgeLimits, Payload, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.translation.translate import Decision

Result = TypeVar("Result")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLATFORMS = all_platforms()
TEMPLATE = {"product_key": "{locale}{currency}{sku}{variant_id}"}
SHOPS = {
    name: shops.parse(as_toml("shop", {**shop_keys(name), **TEMPLATE}), "shops.toml", PLATFORMS)["shop"]
    for name in PLATFORMS
}
TOPICS = [(name, topic.name) for name, platform in PLATFORMS.items() for topic in platform.topics]
LARGEST = 5 * 1024 * 1024  # bytes of a body, by default
# Measured: 0.15 seconds at the most, where 0.9 to 12 were usual before there were limits. Where other programs take the
# processor's caches, one attempt may need several times as long.
# Measuring the coverage of tests makes each line several times slower.
MOST_SECONDS = 0.6 if sys.gettrace() is None else 8.0
ATTEMPTS = 4


def sample(platform: str, topic: str) -> dict[str, Any]:
    known = PLATFORMS[platform].topic(topic)
    assert known
    return known.sample(SampleValues(7, "2026-11-23T12:00:00Z", "tweakwise_profile_key", "01ARZ3NDEKTSV4RRFFQ69G5FAV"))


def in_time(action: Callable[[], Result]) -> Result:
    """Return what an action returns that takes less than MOST_SECONDS of this thread's time, at least once of a few."""
    for _ in range(ATTEMPTS):
        began = time.thread_time()
        result = action()
        if time.thread_time() - began < MOST_SECONDS:
            return result
    raise AssertionError(f"every attempt took more than {MOST_SECONDS} seconds")


def decided(platform: str, topic: str, body: bytes) -> Decision:
    payload = Payload(1, topic, int(NOW.timestamp() * 1000), body)
    return translate(payload, SHOPS[platform], PLATFORMS[platform], AgeLimits(1e6, 1e6), NOW)


def order(platform: str = "shopify", topic: str = "orders/create", **changed: Any) -> bytes:
    return json.dumps({**sample(platform, topic), **changed}, separators=(",", ":")).encode()


def within(values: bytes) -> bytes:
    """Return an order with more values in a field that no schema reads."""
    return order()[:-1] + b',"other":[' + values + b"]}"


LINE = sample("shopify", "orders/create")["line_items"][0]
WOO_LINE = sample("woocommerce", "order.created")["line_items"][0]
PAIRS = [{"name": f"n{number}", "key": f"n{number}", "value": "v"} for number in range(100_000)]
TAXED = {"product_id": 1, "quantity": 1, "price": "9", "discount_allocations": [], "tax_lines": [{"price": 0}] * 17}
HOSTILE = {
    "attributes": ("shopify", order(note_attributes=PAIRS)),
    "fewer attributes": ("shopify", order(note_attributes=PAIRS[: MOST_VALUES // 5])),
    "lines": ("shopify", order(line_items=[LINE] * 30_000)),
    "most lines": ("shopify", order(line_items=[{"product_id": 1}] * MOST_LINES)),
    "empty lines": ("shopify", order(line_items=[{}] * 1_600_000)),
    "fewer empty lines": ("shopify", order(line_items=[{}] * (MOST_VALUES // 3))),
    "taxes": ("shopify", order(line_items=[{**LINE, "tax_lines": [{"price": 1}] * 400_000}])),
    "fewer taxes": ("shopify", order(line_items=[TAXED] * (MOST_VALUES // 60))),
    "faulty taxes": ("shopify", order(line_items=[{**LINE, "tax_lines": [{}] * 1_600_000}])),
    "fewer faulty taxes": ("shopify", order(line_items=[{**LINE, "tax_lines": [{}] * 99}] * (MOST_VALUES // 250))),
    "decimals": ("shopify", within(b"1.1," * 1_250_000 + b"1")),
    "objects": ("shopify", within(b"{}," * 1_700_000 + b"1")),
    "lists": ("shopify", within(b"[]," * 1_700_000 + b"1")),
    "nested lists": ("shopify", within((b"[" * 900 + b"]" * 900 + b",") * 2800 + b"1")),
    "keys": ("shopify", order()[:-1] + b"".join(b',"%x":1' % number for number in range(450_000)) + b"}"),
    "deep": ("shopify", b'{"a":' * (LARGEST // 5)),
    "long text": ("shopify", order(note="x" * LARGEST)),
    "long key": ("shopify", order(note_attributes=[{"name": "tweakwise_profile_key", "value": "-at" * 1_700_000}])),
    "long number": ("shopify", within(b"1" * LARGEST)),
    "long decimal": ("shopify", within(b"1." + b"1" * LARGEST)),
    "long amount": ("shopify", order(line_items=[{**LINE, "price": "1" * LARGEST}])),
    "long date": ("shopify", order(created_at="2" * LARGEST)),
    "meta data": ("woocommerce", order("woocommerce", "order.created", meta_data=PAIRS)),
    "meta data of lines": (
        "woocommerce",
        order("woocommerce", "order.created", line_items=[{**WOO_LINE, "meta_data": PAIRS[:10]}] * 1800),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_translation_time_is_bounded(name: str) -> None:
    """No body of MAX_BODY takes long, so that the orders of other shops do not wait for it."""
    platform, body = HOSTILE[name]
    topic = "orders/create" if platform == "shopify" else "order.created"
    decision = in_time(lambda: decided(platform, topic, body))
    assert not isinstance(decision, Unreadable) or len(decision.detail) < 2000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (order(line_items=[LINE] * (MOST_LINES + 1)), f"line_items: has more than {MOST_LINES} entries"),
        (within(b"1," * MOST_VALUES + b"1"), f"the body has more than {MOST_VALUES} values"),
        (
            order(line_items=[{**LINE, "product_id": []}] * 200),
            "id: expected a whole number or text",
        ),
    ],
    ids=["lines", "values", "faults"],
)
def test_what_is_too_much_is_dead_with_its_reason(body: bytes, words: str) -> None:
    """An order beyond the limits is put aside, and the reason names the limit."""
    decision = decided("shopify", "orders/create", body)
    assert isinstance(decision, Unreadable)
    assert decision.detail.endswith(words)


def test_an_order_of_500_lines_is_sent() -> None:
    """Shopify's largest order is within the limits, with every field of its lines."""
    line = {**LINE, **{f"field_{number}": {"shop_money": {"amount": "1"}} for number in range(25)}}
    decision = decided("shopify", "orders/create", order(line_items=[line] * 500))
    assert isinstance(decision, Call)


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Go through every value of a payload that is neither object nor list, as its holder and the key in it."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        if isinstance(node[key], dict | list):
            yield from places(node[key])
        else:
            yield node, key


@pytest.mark.parametrize(("platform", "topic"), TOPICS, ids=[f"{name} {topic}" for name, topic in TOPICS])
def test_no_text_makes_a_long_call(platform: str, topic: str) -> None:
    """However long a text is, the call and the reason are short, and so is the key that the inbox stores."""
    payload = sample(platform, topic)
    for number in range(sum(1 for _ in places(payload))):
        changed = copy.deepcopy(payload)
        holder, key = next(place for each, place in enumerate(places(changed)) if each == number)
        holder[key] = "7" * 1_000_000
        decision = decided(platform, topic, json.dumps(changed).encode())
        if isinstance(decision, Call):
            assert len(decision.as_json()) < 3000
            assert len(decision.key) < 200
        assert len(getattr(decision, "detail", "")) < 2000


VISITORS: dict[str, Callable[[str], Visitor]] = {
    "attribute": lambda text: Visitor({"tweakwise_profile_key": text}),
    "profile_key": lambda text: Visitor(profile_key=text),
    "session_key": lambda text: Visitor(session_key=text),
}


@pytest.mark.parametrize("unit", ["-at", "@", " ", "%25", "=25", "&#0", "0 ", "\u200b", "tel.", "a.", "-at-a.dot."])
@pytest.mark.parametrize("carrier", VISITORS)
def test_length_of_a_key_is_checked_first(unit: str, carrier: str) -> None:
    """A key of any length that a visitor wrote takes no time, and is refused as too long."""
    text = "a" + unit * (10_000_000 // len(unit)) + "a"
    visitor = VISITORS[carrier](text)
    in_time(lambda: check_length(carrier, visitor, text))


def check_length(carrier: str, visitor: Visitor, text: str) -> None:
    if carrier == "session_key":
        assert profile_key.session_key(visitor) is None
    else:
        chosen = profile_key.choose_for_order(visitor, SHOPS["shopify"])
        assert isinstance(chosen, Ignored)
        assert (chosen.reason, "over 128 characters" in chosen.detail) == (Reason.BAD_PROFILE_KEY, True)
    assert not profile_key.is_usable(text)
    assert not personal_data.looks_personal(text)


def test_user_agents_are_cut_before_they_are_searched() -> None:
    """Every crawler with another version takes a millisecond, and a long text is neither searched nor stored."""
    bots.crawler_name("warm-up")
    began = time.thread_time()
    names = {bots.crawler_name(f"Mozilla/5.0 (compatible; Vercelbot/{number})") for number in range(300)}
    assert time.thread_time() - began < 300 * 0.01
    assert len(names) == 1
    assert bots.crawler_name("x" * bots.LONGEST + "Googlebot") == ""
