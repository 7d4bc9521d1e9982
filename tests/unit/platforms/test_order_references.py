"""The order that a payload is about, on every platform."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.recordings import SIGNED
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import order_reader

READ = order_reader(all_platforms())
ORDER = {"id": 5001, "line_items": []}
SHOPWARE = {"id": "5c0a", "lineItems": []}


WRITTEN = {"entity": "order", "operation": "update", "primaryKey": "5c0a"}


def written(*rows: Any) -> dict[str, Any]:
    return {"data": {"payload": [*rows]}}


def in_message(order: Any) -> dict[str, Any]:
    return {"data": {"payload": {"order": order}}}


@pytest.mark.parametrize(
    ("platform", "topic", "payload", "order"),
    [
        ("shopify", "orders/create", {**ORDER, "name": "#1234", "order_number": 1234}, ("5001", "#1234")),
        ("shopify", "orders/paid", {**ORDER, "order_number": 1234}, ("5001", "1234")),
        ("shopify", "orders/cancelled", {**ORDER, "name": "NL-77/B"}, ("5001", "NL-77/B")),
        ("shopify", "orders/delete", {"id": 5001}, ("5001", "")),
        ("shopify", "refunds/create", {"id": 9, "order_id": 5001, "refund_line_items": []}, ("5001", "")),
        ("shopify", "orders/edited", {"order_edit": {"id": 9, "order_id": 5001}}, ("5001", "")),
        ("shopify", "customers/redact", {**ORDER, "name": "#1234"}, ("5001", "#1234")),
        ("shopify", "orders/create", {**ORDER, "name": ["odd"], "line_items": "odd"}, ("5001", "")),
        ("shopify", "backfill/order", {**ORDER, "id": "gid://shopify/Order/5001"}, ("5001", "")),
        ("shopify", "draft_orders/create", {**ORDER, "invoice_url": "", "name": "#D1", "order_id": None}, None),
        ("shopify", "products/update", {"id": 5001, "title": "Mug"}, None),
        ("shopify", "orders/create", [1], None),
        ("woocommerce", "order.updated", {**ORDER, "number": "WC-7"}, ("5001", "WC-7")),
        ("woocommerce", "order.created", {"order": {"id": 5001, "order_number": 7}}, ("5001", "7")),
        ("woocommerce", "order.deleted", {"id": 5001}, ("5001", "")),
        ("woocommerce", "order.created", {"code": "x", "message": "y", "data": {"status": 404}}, None),
        ("woocommerce", "product.updated", {"id": 5001, "sku": "MUG"}, None),
        ("shopware", "checkout.order.placed", in_message({**SHOPWARE, "orderNumber": "10003"}), ("5c0a", "10003")),
        ("shopware", "state_enter.order.state.cancelled", in_message({**SHOPWARE, "orderNumber": 7}), ("5c0a", "7")),
        ("shopware", "checkout.order.placed", in_message([1]), None),
        ("shopware", "order.written", written("odd", [], {"entity": "order_customer"}, WRITTEN), ("5c0a", "")),
        ("shopware", "order.deleted", written(WRITTEN), ("5c0a", "")),
        ("shopware", "order_line_item.written", written({**WRITTEN, "entity": "order_line_item"}), None),
        ("shopware", "order.written", {"data": {"payload": WRITTEN}}, None),
        ("shopware", "app.deleted", {"data": {"payload": {"keepUserData": True}}}, None),
        ("standard", "purchase", {"data": {"order_id": "A-1", "order_number": "#7"}}, ("A-1", "#7")),
        ("standard", "pageview", {"data": {"product_id": "1"}}, None),
    ],
)
def test_orders_are_recognised(platform: str, topic: str, payload: Any, order: tuple[str, str] | None) -> None:
    """Whatever is done with the payload; an odd number counts as not given."""
    assert READ(platform, topic, json.dumps(payload).encode()) == order


@pytest.mark.parametrize("odd", [None, True, "", 1.5, [], {}, "x" * 200, "a\0b", "\ud800"])
def test_odd_ids_and_numbers_are_none(odd: Any) -> None:
    """They can be neither stored nor searched."""
    assert READ("shopify", "orders/create", json.dumps({**ORDER, "id": odd}).encode()) is None
    assert READ("shopify", "orders/create", json.dumps({**ORDER, "name": odd}).encode()) == ("5001", "")


def test_a_purchase_has_the_order_that_it_counts() -> None:
    """Both readings give the same id: a law over all fixtures."""
    counted = [one for one in SIGNED if one.expected.get("call", {}).get("event") == "purchase"]
    assert len(counted) > 50
    for one in counted:
        order = READ(one.platform.name, one.verify().topic, one.body)
        assert order, one.name
        assert f"purchase:{order.id}" == one.expected["call"]["key"], one.name
