"""What each schema of a topic requires, what may be absent or null, and the limits of values."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import ValidationError, fields

from schemas.storefront import SCHEMAS
from tests.support.tables import for_each
from webhook_app.platforms import all_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marshmallow import Schema

    from schemas.base import PlatformSchema
    from schemas.events import Translation

VISITOR: dict[str, Any] = {
    "profile_key": "abc",
    "session_key": "s-1",
    "user_agent": "Firefox",
    "locale": "nl-NL",
    "currency": "EUR",
}
VISITOR["internal"] = False
PRODUCT = {"product_id": "11", "variant_id": "12", "sku": "MUG", "customer_id": "7", **VISITOR}
CART = {**PRODUCT, "quantity": 2, "amount": "9.95"}
SHOPIFY_LINE = {
    "id": 1,
    "current_quantity": 2,
    "duties": [{"shop_money": {"amount": "1.00"}}],
    "product_id": 11,
    "variant_id": 12,
    "sku": "MUG",
    "quantity": 2,
    "price": "10.00",
    "total_discount": "1.00",
    "discount_allocations": [{"amount": "1.00"}],
    "tax_lines": [{"price": "1.57"}],
}
CUSTOMER: dict[str, Any] = {"id": 7, "email": "jan@example.test", "phone": "+31612345678"}
SHOPIFY_ORDER = {
    "id": 1,
    "created_at": "2026-11-23T12:00:00Z",
    "test": False,
    "processed_at": "2026-11-23T12:00:00Z",
    "source_name": "web",
    "tags": "",
    "company": None,
    "duties_included": False,
    "subtotal_price": "18.43",
    "current_subtotal_price": "18.43",
    "cancelled_at": "",
    "financial_status": "paid",
    "taxes_included": True,
    "currency": "EUR",
    "customer_locale": "nl-NL",
    "checkout_token": "0b8aceb0aec0a0a717420f759fce4b29",
    "customer": {"id": 7},
    "note_attributes": [],
    "refunds": [{"refund_line_items": [{"line_item_id": 1, "quantity": 1}]}],
    "transactions": [
        {
            "kind": "sale",
            "status": "success",
            "processed_at": "2026-11-23T12:00:00Z",
            "processedAt": "2026-11-23T12:00:00Z",
        }
    ],
    "line_items": [SHOPIFY_LINE],
}
WOOCOMMERCE_ORDER = {
    "id": 1,
    "status": "processing",
    "date_created_gmt": "2026-11-23T12:00:00",
    "date_paid_gmt": "2026-11-23T12:00:00",
    "date_completed_gmt": None,
    "parent_id": 0,
    "created_via": "checkout",
    "fee_lines": [{"total": "1.00"}],
    "customer_id": 7,
    "currency": "EUR",
    "meta_data": [],
    "line_items": [
        {
            "id": 1,
            "quantity": 1,
            "product_id": 11,
            "variation_id": 12,
            "sku": "MUG",
            "total": "10.00",
            "bundled_by": "",
            "composite_parent": "",
            "mnm_child_of": "",
            "meta_data": [],
        }
    ],
}
SHOPWARE_ORDER = {
    "id": "01a215b7a4867092a3d9b89c3f2f3974",
    "orderDateTime": "2026-11-23T12:00:00.000+00:00",
    "createdById": None,
    "salesChannelId": "01a215b52f4b73448cd536ec67d4b230",
    "languageId": "2fbb5fe2e29a4d70aa5854ce7ce3e20b",
    "currency": {"isoCode": "EUR"},
    "taxStatus": "gross",
    "amountNet": 49.05,
    "shippingCosts": {"totalPrice": 4.95, "calculatedTaxes": [{"tax": 0.86}]},
    "stateMachineState": {"technicalName": "open"},
    "transactions": [{"createdAt": "2026-11-23T12:00:00.000+00:00", "stateMachineState": {"technicalName": "open"}}],
    "orderCustomer": {"customerId": "7", "customer": {"guest": False}, "customFields": {}},
    "customFields": {},
    "lineItems": [
        {
            "type": "product",
            "productId": "11",
            "referencedId": "11",
            "quantity": 1,
            "payload": {"parentId": None, "productNumber": "MUG"},
        }
    ],
}
SHOPWARE = {"data": {"payload": {"order": SHOPWARE_ORDER}}}
IN_ORDER = "data.payload.order."
SHOPWARE_NEEDED = {"data", "data.payload", "data.payload.order"}
SHOPWARE_NEEDED |= {f"{IN_ORDER}{name}" for name in ("id", "orderDateTime", "lineItems")}
PURCHASE = {
    "order_id": "1",
    "order_number": "#1001",
    "created_at": "2026-11-23T12:00:00Z",
    "revenue": "20.00",
    "lines": [{"product_id": "11", "variant_id": "12", "sku": "MUG", "quantity": 2}],
    "customer_id": "7",
    **VISITOR,
}
REDACT = {"shop_domain": "a.example", "customer": CUSTOMER, "orders_to_redact": [1]}
REQUEST = {"shop_domain": "a.example", "customer": CUSTOMER, "orders_requested": [1]}
LINES = "line_items"

# By platform and topic: a payload with every field, and the paths of those that it cannot do without.
WHOLE: dict[tuple[str, str], tuple[dict[str, Any], set[str]]] = {
    ("shopify", "orders/create"): (
        SHOPIFY_ORDER,
        {"id", "created_at", LINES},
    ),
    ("shopify", "orders/paid"): (SHOPIFY_ORDER, {"id", "created_at", LINES}),
    ("shopify", "customers/redact"): (REDACT, {"shop_domain", "customer"}),
    ("shopify", "customers/data_request"): (REQUEST, {"shop_domain", "customer"}),
    ("shopify", "shop/redact"): ({"shop_domain": "a.example"}, {"shop_domain"}),
    ("woocommerce", "order.created"): (WOOCOMMERCE_ORDER, {"id", "status", "date_created_gmt", LINES}),
    ("shopware", "checkout.order.placed"): (SHOPWARE, SHOPWARE_NEEDED),
    ("shopware", "state_enter.order_transaction.state.paid"): (SHOPWARE, SHOPWARE_NEEDED),
    ("standard", "purchase"): (
        {"type": "purchase", "data": PURCHASE},
        {"type", "data", "data.order_id", "data.lines", "data.lines.0.product_id"},
    ),
}
BROWSING: dict[str, tuple[dict[str, Any], set[str]]] = {
    "search": ({"term": "mug", "customer_id": "7", **VISITOR}, {"term"}),
    "pageview": (PRODUCT, {"product_id"}),
    "addtocart": (CART, {"product_id"}),
    "sessionstart": ({"customer_id": "7", "source": "newsletter", **VISITOR}, {"session_key"}),
    "addtowishlist": (PRODUCT, {"product_id", "session_key"}),
    "itemclick": ({"customer_id": "7", "request_id": "r", "item_id": "1", **VISITOR}, {"request_id", "item_id"}),
    "pageimpression": ({"customer_id": "7", "request_id": "r", **VISITOR}, {"request_id", "session_key"}),
}
for event, (whole, needed) in BROWSING.items():
    own = {"logged_in_customer_id" if name == "customer_id" else name: value for name, value in whole.items()}
    WHOLE["shopify", f"storefront/{event}"] = own, needed
    WHOLE["woocommerce", f"storefront.{event}"] = whole, needed
    data = {"type": event, "data": whole}
    WHOLE["standard", event] = data, {"type", "data", *(f"data.{name}" for name in needed)}

topics = for_each("platform, topic", WHOLE)


def schema_of(platform: str, topic: str) -> PlatformSchema:
    known = all_platforms()[platform].topic(topic)
    assert known
    return known.schema


def read(schema: PlatformSchema, payload: dict[str, Any]) -> Translation:
    """Read a payload whose fields may be missing, whatever topic they would show it to be of."""
    return schema.to_event(schema.load(payload))


def paths(node: Any, above: str = "") -> Iterator[str]:
    """Yield the path of every field of a payload."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if isinstance(key, str):
            yield f"{above}{key}"
        yield from paths(value, f"{above}{key}.")


def declared(schema: Schema, above: str = "") -> Iterator[str]:
    """Yield the path of every field that a schema declares, through lists and nested schemas."""
    for name, field in schema.fields.items():
        path = f"{above}{name if field.data_key is None else field.data_key}"
        inner, below = (field.inner, f"{path}.0.") if isinstance(field, fields.List) else (field, f"{path}.")
        yield path
        if isinstance(inner, fields.Nested):
            yield from declared(inner.schema, below)


ABSENT = object()


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the payload with another value in one field, or without it."""
    copied: Any = copy.deepcopy(payload)
    *above, name = path.split(".")
    node = copied
    for key in above:
        node = node[int(key) if key.isdigit() else key]
    if value is ABSENT:
        del node[name]
    else:
        node[name] = value
    return dict(copied)


CASES = [(platform, topic, path) for (platform, topic), (payload, _) in WHOLE.items() for path in paths(payload)]
REQUIRED = [case for case in CASES if case[2] in WHOLE[case[:2]][1]]
OPTIONAL = [case for case in CASES if case[2] not in WHOLE[case[:2]][1] and not case[2].endswith("quantity")]


@topics
def test_every_declared_field_is_listed(platform: str, topic: str) -> None:
    """A field that is added to a schema gets its place in this table."""
    assert set(declared(schema_of(platform, topic))) == set(paths(WHOLE[platform, topic][0]))


def test_every_topic_is_listed() -> None:
    """Every schema of a topic is in this table."""
    known = {topic.schema for platform in all_platforms().values() for topic in platform.topics}
    assert {schema_of(*names) for names in WHOLE} == known


@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
@for_each("platform, topic, path", REQUIRED)
def test_a_required_field_is_missed_by_its_path(platform: str, topic: str, path: str, value: Any) -> None:
    """What an event cannot do without makes the payload unreadable."""
    payload = changed(WHOLE[platform, topic][0], path, value)
    with pytest.raises(ValidationError) as refused:
        read(schema_of(platform, topic), payload)
    messages: Any = refused.value.messages
    for key in path.split("."):
        messages = messages[int(key) if key.isdigit() else key]
    assert isinstance(messages, list)


@for_each("platform, topic, path", OPTIONAL)
def test_an_optional_field_may_be_absent_or_null(platform: str, topic: str, path: str) -> None:
    """Both are the same, and the payload is translated without it."""
    schema, payload = schema_of(platform, topic), WHOLE[platform, topic][0]
    absent = read(schema, changed(payload, path, ABSENT))
    assert type(absent) is type(read(schema, payload))
    assert read(schema, changed(payload, path, None)) == absent


def test_the_quantity_of_a_product_in_the_cart() -> None:
    """It is one where it is absent, and null is an error."""
    assert getattr(read(SCHEMAS["addtocart"](), {"product_id": "11"}), "values", {})["quantity"] == 1
    with pytest.raises(ValidationError, match="quantity"):
        read(SCHEMAS["addtocart"](), {"product_id": "11", "quantity": None})


LIMITS = [
    ("woocommerce", "storefront.search", "term", ["a" * 500], ["a" * 501]),
    ("woocommerce", "storefront.addtocart", "quantity", ["0.001", 1], [0, -1]),
    ("woocommerce", "storefront.sessionstart", "session_key", ["a-Z9", "a" * 128], ["a" * 129, "a_b", "a\n", ""]),
    ("standard", "purchase", "data.created_at", ["2026-11-23", 1795435171], ["soon", "", 5, []]),
    ("standard", "purchase", "type", ["purchase"], ["search", "Purchase", ""]),
]


@pytest.mark.parametrize(("platform", "topic", "path", "right", "wrong"), LIMITS)
def test_limits_of_values(platform: str, topic: str, path: str, right: list[Any], wrong: list[Any]) -> None:
    """The last value that is accepted, and the first that is not."""
    schema, payload = schema_of(platform, topic), WHOLE[platform, topic][0]
    for value in right:
        assert schema.translate(changed(payload, path, value))
    for value in wrong:
        with pytest.raises(ValidationError, match=path.rpartition(".")[2]):
            schema.translate(changed(payload, path, value))
