"""Topics in another spelling are understood, and those of another kind are not."""

from __future__ import annotations

import pytest

from schemas.events import Ignored, Reason
from webhook_app.platforms import all_platforms


@pytest.mark.parametrize(
    ("platform", "text", "name"),
    [
        ("shopify", "orders/create", "orders/create"),
        ("shopify", "Orders/Create", "orders/create"),
        ("shopify", "ORDERS_CREATE", "orders/create"),
        ("shopify", "OrdersPaid", "orders/paid"),
        ("shopify", "orders/create, orders/create", "orders/create"),
        ("shopify", "orders/create,orders/create", "orders/create"),
        ("shopify", "/orders/create/", "orders/create"),
        ("shopify", "shopify/orders/create", "orders/create"),
        ("shopify", "CUSTOMERS_DATA_REQUEST", "customers/data_request"),
        ("woocommerce", "Order.Created", "order.created"),
        ("woocommerce", "woocommerce.order.created", "order.created"),
        ("woocommerce", "wc-order.updated", "order.updated"),
        ("shopify", "draft_orders/create", "draft_orders/create"),
        ("shopify", "orders/fulfilled", "orders/fulfilled"),
        ("shopify", "orders/create, orders/paid", "orders/create, orders/paid"),
        ("shopify", "orders/create/x", "orders/create/x"),
        ("shopify", "", ""),
    ],
)
def test_name_of_a_topic(platform: str, text: str, name: str) -> None:
    """Capitals, GraphQL's words, a prefix, or the same twice are one topic; anything else stays as it is."""
    assert all_platforms()[platform].topic_name(text) == name


@pytest.mark.parametrize(
    ("platform", "topic", "reason"),
    [
        ("shopify", "DRAFT_ORDERS_CREATE", Reason.DRAFT),
        ("shopify", "Orders/Cancelled", Reason.CANCELLED),
        ("woocommerce", "Order.Deleted", Reason.DELETED),
        ("woocommerce", "Customer.Created", Reason.NOT_AN_ORDER),
    ],
)
def test_ignored_topic_in_another_spelling(platform: str, topic: str, reason: Reason) -> None:
    """What is ignored by name is so in any spelling."""
    ignored = all_platforms()[platform].translate(topic, {})
    assert isinstance(ignored, Ignored)
    assert ignored.reason is reason
