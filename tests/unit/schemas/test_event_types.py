"""The table of events: it is what the API documents, and each entry goes the whole way by itself."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from schemas.event_types import BROWSING, EVENT_TYPES, SESSION_KEY, product_keys_of
from schemas.tweakwise import BODIES
from tests.support.recordings import as_toml, claimed, payload_of, shop_keys
from webhook_app import masking
from webhook_app.config import shops
from webhook_app.openapi.document import document
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import SampleValues
from webhook_app.sandbox.analytics import faults_of, read_body
from webhook_app.translation.translate import AgeLimits, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from schemas.event_types import EventType
    from webhook_app.platforms.base import Platform, Topic

DOCS = Path(__file__).parents[3] / "docs"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AGES = AgeLimits(max_order_age=7 * 86400, max_age=86400)
SAMPLE = SampleValues(20261123, "2026-11-23T12:00:00Z", "tweakwise_profile_key", "9f2c4be1a07d4c55")

# https://docs.tweakwise.com (Analytics API): a question mark where the documentation calls a field optional.
DOCUMENTED = {
    "pageview": "ProductKey ProfileKey SessionKey?",
    "purchase": "ProductKeys ProfileKey Revenue? SessionKey?",
    "search": "SearchTerm ProfileKey SessionKey?",
    # Senders had no session key for it before; the others are written as they are documented.
    "addtocart": "ProductKey Quantity TotalAmount ProfileKey SessionKey?",
    "addtowishlist": "ProductKey ProfileKey SessionKey",
    "sessionstart": "ProfileKey SessionKey Source?",
    "itemclick": "RequestId ItemId",
    "pageimpression": "RequestId ProfileKey SessionKey",
}
VALUES: dict[str, Any] = {
    "ProductKeys": ["1"],
    "ProductKey": "1",
    "ProfileKey": "abc",
    "SessionKey": "visit-1",
    "SearchTerm": "mug",
    "Quantity": 2,
    "TotalAmount": 39.9,
    "Revenue": 12.5,
    "RequestId": "r-1",
    "ItemId": "1",
    "Source": "newsletter",
}

every_event = pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.name)
every_topic = pytest.mark.parametrize(
    ("platform", "event", "topic"),
    [
        (platform, event, topic)
        for platform in all_platforms().values()
        for event in BROWSING
        for topic in platform.topics
        if re.split("[./]", topic.name)[-1] == event.name
    ],
)


def documented(event: EventType) -> tuple[list[str], list[str]]:
    names = DOCUMENTED[event.name].split()
    return [name for name in names if name[-1] != "?"], [name[:-1] for name in names if name[-1] == "?"]


def test_every_event_of_the_api_is_in_the_table() -> None:
    """There are eight, and all but a purchase come from a platform's storefront, where it has any events."""
    assert set(EVENT_TYPES) == set(DOCUMENTED) == set(BODIES)
    for platform in all_platforms().values():
        topics = {re.split("[./]", topic.name)[-1] for topic in platform.topics if topic.storefront}
        assert topics in (set(), {event.name for event in BROWSING}), platform.name


@every_event
def test_an_entry_is_what_the_api_documents(event: EventType) -> None:
    """Names, order, and what is required."""
    assert ([value.api for value in event.required], [value.api for value in event.optional]) == documented(event)


@every_event
def test_bodies_and_sandbox_agree(event: EventType) -> None:
    """What is written is accepted; the sandbox refuses a body without a field, and with another call's."""
    required, optional = documented(event)
    whole = {name: VALUES[name] for name in (*required, *optional)}
    assert faults_of(event.name, read_body(json.dumps(whole).encode())) == {}
    assert BODIES[event.name].write(**{value.name: VALUES[value.api] for value in event.values}) == whole
    for name in required:
        assert name in faults_of(event.name, {key: item for key, item in whole.items() if key != name})
    for name in whole:
        assert name in faults_of(event.name, {**whole, name: None})
        assert name in faults_of(event.name, {**whole, name: True})
    for name in set(VALUES) - set(whole):
        assert name in faults_of(event.name, {**whole, name: VALUES[name]})


@every_topic
def test_an_event_goes_the_whole_way(platform: Platform, event: EventType, topic: Topic) -> None:
    """Every platform's sample becomes the call of its name, which the sandbox accepts; it is limited by SHOP_RATE."""
    table = {**shop_keys(platform.name), "extra_events": event.is_extra}
    shop = shops.parse(as_toml("a", table), "shops.toml", all_platforms())["a"]
    delivery = claimed("a", platform.name, topic.name, json.dumps(topic.sample(SAMPLE)).encode(), NOW)
    call = translate(payload_of(delivery), shop, platform, AGES, NOW)
    assert isinstance(call, Call), call
    assert (call.event, topic.storefront) == (event.name, True)
    body = read_body(call.as_json().encode())
    assert faults_of(event.name, body) == {}
    assert bool(product_keys_of(body)) == any(value.is_product for value in event.values)
    assert ("SessionKey" in body) >= (SESSION_KEY in event.required)


@every_event
def test_an_event_is_documented(event: EventType) -> None:
    """The OpenAPI document has its message, and the pages name it where events are listed."""
    assert f"{event.title}Message" in document()["components"]["schemas"]
    assert f"| `{event.name}` |" in (DOCS / "standard.md").read_text(encoding="utf-8")
    for page in ("glossary.md", *(["configuration.md", "reasons.md", "woocommerce.md"] if event.is_extra else [])):
        assert f"{event.name}`" in (DOCS / page).read_text(encoding="utf-8"), page


@every_event
def test_pages_show_what_is_not_personal(event: EventType) -> None:
    """Of a call only the visitor's keys and what a visitor typed are masked; nothing known is hidden by mistake."""
    whole = {value.api: VALUES[value.api] for value in event.values}
    shown = masking.masked_call(json.dumps(whole))
    hidden = {name for name, item in shown.items() if item == masking.MASK}
    assert hidden == {"ProfileKey", "SessionKey", "SearchTerm"} & set(whole)
