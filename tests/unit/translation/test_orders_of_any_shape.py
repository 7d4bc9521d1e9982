"""The laws of orders over every fixture: what may refuse one, and what its revenue is."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import fields

from schemas import shopify
from schemas.events import Purchase
from tests.support.recordings import RECEIVED_AT, SIGNED, Recorded, payload_of
from tests.support.tables import for_each
from tests.support.variations import places, replaced
from webhook_app.translation.translate import AgeLimits, parse_json, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.translation.translate import Decision

AGES = AgeLimits(max_order_age=7 * 86_400, max_age=86_400)
ANY: tuple[Any, ...] = (
    None,
    "",
    "text",
    "\ud83d",
    "\0",
    0,
    -1,
    1.5,
    10**30,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    {"a": 1},
)
# What an order cannot do without, and what names another kind of payload; of a line, only its product.
NEEDED = {
    "id",
    "order_id",
    "type",
    "data",
    "created_at",
    "date_created_gmt",
    "status",
    "line_items",
    "lines",
    "product_id",
}
NEEDED |= {"financial_status"}
NEEDED |= {"payload", "order", "orderDateTime", "lineItems", "productId"}
# The platforms of these names; of another one, what its schema requires is needed.
LISTED = {"shopify", "shopware", "standard", "woocommerce"}
# Where the fields of an order are in its payload, and its lines.
ORDERS: tuple[list[str], ...] = ([], ["data"], ["data", "payload"], ["data", "payload", "order"])
LINES = (["line_items"], ["data", "lines"], ["data", "payload", "order", "lineItems"])


def is_purchase(recorded: Recorded) -> bool:
    return "call" in recorded.expected and recorded.expected["call"]["event"] == "purchase"


ODD: tuple[Any, ...] = ([], {}, "\ud83d")
PURCHASES = [recorded for recorded in SIGNED if is_purchase(recorded)]


def smallest_of_each_topic() -> list[Recorded]:
    """Return the smallest purchases of each platform, which have every field that a schema reads."""
    found: dict[tuple[str, str], Recorded] = {}
    for recorded in sorted(SIGNED, key=lambda each: -len(each.body)):
        if is_purchase(recorded):
            found[recorded.platform.name, recorded.verify().topic] = recorded
    return list(found.values())


def decided(recorded: Recorded, payload: Any) -> Decision:
    delivery = replace(recorded.delivery(), body=json.dumps(payload).encode())
    return translate(payload_of(delivery), recorded.shop, recorded.platform, AGES, RECEIVED_AT)


def may_refuse(recorded: Recorded, path: tuple[Any, ...]) -> bool:
    """Return whether an order may be dead because of this field: a line as a whole, or what is needed."""
    names = [part for part in path if isinstance(part, str)]
    if recorded.platform.name not in LISTED:
        return ".".join(names) in required(recorded)
    return names[-1] in NEEDED and names[:-1] in (*ORDERS, *LINES)


def required(recorded: Recorded) -> set[str]:
    """Return the paths of the fields that the schema of a recorded payload requires."""
    topic = recorded.platform.topic(recorded.verify().topic)
    assert topic
    return set(_required(topic.schema, ""))


def _required(schema: Any, before: str) -> Iterator[str]:
    for name, field in schema.fields.items():
        path = f"{before}{field.data_key or name}"
        if field.required:
            yield path
        inner = getattr(field, "inner", field)  # of a list
        if isinstance(inner, fields.Nested):
            yield from _required(inner.schema, f"{path}.")


@pytest.mark.parametrize("recorded", smallest_of_each_topic(), ids=lambda recorded: recorded.name)
def test_only_what_is_needed_refuses_an_order(recorded: Recorded) -> None:
    """Whatever JSON stands in another field, the order is sent or ignored, and never dead."""
    payload = json.loads(recorded.body)
    for path in places(payload):
        for value in ANY if not may_refuse(recorded, path) else ():
            decision = decided(recorded, replaced(payload, path, value))
            assert not isinstance(decision, Unreadable), (path, value, decision)


@for_each("recorded", PURCHASES, ids=lambda recorded: recorded.name)
def test_no_odd_field_of_any_purchase_refuses_it(recorded: Recorded) -> None:
    """With every outer field odd that is not needed, the products are still sent, if the profile is known."""
    payload = json.loads(recorded.body)
    place, order = _order(payload)
    for name in [name for name in order if name not in NEEDED and not may_refuse(recorded, (*place, name))]:
        for value in ODD:
            assert not isinstance(decided(recorded, replaced(payload, (*place, name), value)), Unreadable), name


def _order(payload: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the innermost object that has the fields of the order, and where it is."""
    place: tuple[str, ...] = ()
    for name in ("data", "payload", "order"):
        if isinstance(payload.get(name), dict):
            place, payload = (*place, name), payload[name]
    return place, payload


SHOPIFY = [one for one in SIGNED if one.platform.name == "shopify" and b"current_subtotal_price" in one.body]


@for_each("recorded", SHOPIFY, ids=lambda recorded: recorded.name)
def test_revenue_is_the_subtotal_before_tax(recorded: Recorded) -> None:
    """Where an order states what its lines are worth now, its revenue is that, less the taxes inside."""
    order = parse_json(recorded.body)
    event = shopify.OrderSchema().translate(order)
    if not isinstance(event, Purchase) or not all(line["product_id"] for line in order["line_items"]):
        return
    subtotal, taxes = Decimal(order["current_subtotal_price"]), Decimal(0)
    for line in order["line_items"] if order["taxes_included"] else ():
        left = Decimal(line["current_quantity"]) / line["quantity"]
        taxes += sum((Decimal(tax["price"]) * left for tax in line["tax_lines"]), Decimal(0))
    assert event.revenue is not None
    assert abs(event.revenue - (subtotal - taxes)) <= Decimal("0.01") * len(order["line_items"])


@for_each("recorded", PURCHASES, ids=lambda recorded: recorded.name)
def test_no_revenue_is_below_zero(recorded: Recorded) -> None:
    """A purchase is sent with what was bought, and its revenue is never below zero."""
    decision = decided(recorded, json.loads(recorded.body))
    assert isinstance(decision, Call)
    assert decision.body.get("Revenue", 0) >= 0


def test_no_revenue_is_beyond_any_amount() -> None:
    """A quantity that is odd makes the revenue unknown: the purchase is sent without one."""
    for recorded in [one for one in SHOPIFY if is_purchase(one)]:
        payload = json.loads(recorded.body)
        for line in payload["line_items"]:
            line["current_quantity"] = 10**15
            line["price"] = line["price"] or "1.00"
        decision = decided(recorded, payload)
        assert isinstance(decision, Call)
        assert decision.body.get("Revenue", 0) <= 10**15, recorded.name
