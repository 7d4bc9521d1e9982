"""Payloads of Shopify: edge cases that no fixture covers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import ValidationError

from schemas import shopify, shopify_privacy
from schemas.events import DataRequest, Payment, Reason, Redaction

if TYPE_CHECKING:
    from schemas.base import PlatformSchema

SHOPIFY_LINE = {"product_id": 11, "variant_id": 12, "sku": "MUG", "quantity": 2, "price": "10.00"}
SHOPIFY_ORDER = {"id": 1, "created_at": "2026-11-23T12:00:00+01:00", "taxes_included": False, "line_items": []}
CUSTOMER = {"id": 7, "email": "jan@example.test", "phone": "+31612345678"}


def complaint(schema: PlatformSchema, payload: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        schema.translate(payload)
    return error.value.messages


def shopify_order(**changed: Any) -> Any:
    return shopify.OrderSchema().translate({**SHOPIFY_ORDER, **changed})


def shopify_lines(*lines: dict[str, Any], **changed: Any) -> Any:
    return shopify_order(line_items=[{**SHOPIFY_LINE, **line} for line in lines], **changed)


@pytest.mark.parametrize(
    ("status", "payment"),
    [
        ("pending", Payment.PLACED),
        ("PENDING", Payment.PLACED),
        ("PARTIALLY_REFUNDED", Payment.PAID),
        ("Paid", Payment.PAID),
        ("paid, paid", Payment.PAID),
        ("authorized", Payment.PLACED),
        ("partially_paid", Payment.PLACED),
        ("partially_refunded", Payment.PAID),
        ("paid", Payment.PAID),
        ("something new", Payment.PLACED),
        (None, Payment.PLACED),
    ],
)
def test_shopify_payment(status: str | None, payment: Payment) -> None:
    """Shopify's financial status is a payment status; an unknown one counts as placed."""
    assert shopify_order(financial_status=status).payment is payment


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"test": True, "cancelled_at": "2026-11-23"}, Reason.TEST_ORDER),
        ({"source_name": "shopify_draft_order"}, Reason.DRAFT),
        ({"cancelled_at": "2026-11-23T12:00:00Z", "financial_status": "voided"}, Reason.CANCELLED),
        ({"financial_status": "voided"}, Reason.VOIDED),
        ({"financial_status": "VOIDED"}, Reason.VOIDED),
        ({"financial_status": "expired"}, Reason.FAILED),
        ({"source_name": "SHOPIFY_DRAFT_ORDER"}, Reason.DRAFT),
        ({"line_items": [{**SHOPIFY_LINE, "current_quantity": 0}]}, Reason.REFUNDED),
        ({"financial_status": "refunded"}, Reason.REFUNDED),
    ],
)
def test_shopify_no_purchase(changed: dict[str, Any], reason: Reason) -> None:
    """What is no purchase is ignored by the first reason that holds."""
    assert shopify_order(**changed).reason is reason


@pytest.mark.parametrize(
    ("line", "revenue"),
    [
        ({"discount_allocations": [{"amount": "3.00"}], "total_discount": "1.00"}, "17.00"),
        ({"discount_allocations": [], "total_discount": "1.00"}, "20.00"),
        ({"total_discount": "1.00"}, "19.00"),
        ({"discount_allocations": None, "total_discount": "0.00"}, "20.00"),
        ({"quantity": Decimal("1.5"), "discount_allocations": []}, "15.00"),
        ({}, None),
        ({"discount_allocations": [], "price": None}, None),
        ({"discount_allocations": [], "quantity": None}, None),
    ],
)
def test_shopify_revenue_before_tax(line: dict[str, Any], revenue: str | None) -> None:
    """Revenue is price times quantity minus the line's discount, None if one of them is unknown."""
    assert shopify_lines(line).revenue == (None if revenue is None else Decimal(revenue))


@pytest.mark.parametrize(
    ("taxes_included", "tax_lines", "revenue"),
    [
        (True, [{"price": "3.47"}], "16.53"),
        (True, [{"price": "3.00"}, {"price": "0.47"}], "16.53"),
        (True, [], "20.00"),
        (True, None, None),
        (None, [{"price": "3.47"}], None),
        (False, [{"price": "4.20"}], "20.00"),
        (False, None, "20.00"),
    ],
)
def test_shopify_tax(taxes_included: bool | None, tax_lines: Any, revenue: str | None) -> None:
    """Tax is subtracted where prices include it; if that is unknown, so is the revenue."""
    line = {"discount_allocations": [], "tax_lines": tax_lines}
    order = shopify_lines(line, taxes_included=taxes_included)
    assert order.revenue == (None if revenue is None else Decimal(revenue))


def test_shopify_revenue_is_all_or_nothing() -> None:
    """One line of unknown revenue makes the revenue of the whole order unknown."""
    assert shopify_lines({"discount_allocations": []}, {}).revenue is None


def test_shopify_lines_without_product_do_not_count() -> None:
    """Tips and custom items have no product, and their money is not revenue of products."""
    order = shopify_lines({"discount_allocations": []}, {"product_id": None, "discount_allocations": []})
    assert (len(order.lines), order.revenue) == (1, Decimal("20.00"))


@pytest.mark.parametrize(("variant", "text"), [(12, "12"), (None, "11"), (0, "11")])
def test_shopify_variant_falls_back_to_product(variant: Any, text: str) -> None:
    """A product without variants is its own variant."""
    assert shopify_lines({"variant_id": variant}).lines[0].fields["variant_id"] == text


@pytest.mark.parametrize("sku", [None, "", " "])
def test_shopify_empty_sku_is_left_out(sku: Any) -> None:
    """A template must not be filled with nothing."""
    assert "sku" not in shopify_lines({"sku": sku}).lines[0].fields


def test_shopify_order_fields() -> None:
    """A template may name the order's locale and currency."""
    assert shopify_order(customer_locale="nl-NL", currency="EUR").fields == {"locale": "nl-NL", "currency": "EUR"}


@pytest.mark.parametrize("customer", [None, {}, {"id": None}, {"id": 0}])
def test_shopify_guest(customer: Any) -> None:
    """A guest has no customer id."""
    assert shopify_order(customer=customer).visitor.customer_id is None


@pytest.mark.parametrize(
    ("changed", "messages"),
    [
        ({"id": None}, {"id": ["Field may not be null."]}),
        ({"id": "x\ud800"}, {"id": ["contains an incomplete character (a lone surrogate)"]}),
        ({"created_at": "soon"}, {"created_at": ["is not a time in ISO 8601"]}),
        ({"created_at": None}, {"created_at": ["Field may not be null."]}),
        ({"line_items": {"a": 1}}, {"line_items": ["Not a valid list."]}),
        ({"line_items": None}, {"line_items": ["Field may not be null."]}),
        ({"line_items": [1]}, {"line_items": {0: {"_schema": ["Invalid input type."]}}}),
        (
            {"line_items": [SHOPIFY_LINE, {**SHOPIFY_LINE, "product_id": []}]},
            {"line_items": {1: {"product_id": ["is not an id: expected a whole number or text"]}}},
        ),
    ],
)
def test_shopify_odd_field_is_named(changed: dict[str, Any], messages: Any) -> None:
    """A missing or odd field is a fault that names its path."""
    assert complaint(shopify.OrderSchema(), {**SHOPIFY_ORDER, **changed}) == messages


def test_all_odd_fields_are_named_together() -> None:
    """All faults of a payload are reported together."""
    assert set(complaint(shopify.OrderSchema(), {"id": [], "financial_status": "paid"})) == {
        "id",
        "created_at",
        "line_items",
    }


def test_redact_names_one_customer() -> None:
    """customers/redact is a Redaction with everything that identifies the customer."""
    payload = {"shop_id": 1, "shop_domain": "a.example", "customer": CUSTOMER, "orders_to_redact": [1, "2", 0, ""]}
    personal = frozenset({"jan@example.test", "+31612345678"})
    assert shopify_privacy.RedactSchema().translate(payload) == Redaction(
        "a.example", "7", frozenset({"1", "2"}), personal
    )


def test_data_request_names_one_customer() -> None:
    """customers/data_request is a DataRequest with everything that identifies the customer."""
    payload = {"shop_id": 1, "shop_domain": "a.example", "customer": {"id": 7}, "orders_requested": None}
    payload["data_request"] = {"id": 9}
    assert shopify_privacy.DataRequestSchema().translate(payload) == DataRequest(Redaction("a.example", "7"))


@pytest.mark.parametrize("schema", [shopify_privacy.RedactSchema(), shopify_privacy.DataRequestSchema()])
@pytest.mark.parametrize(
    "customer",
    [
        {},
        {"id": None, "email": None, "phone": ""},
        {"id": 0},
        {"id": "undefined", "email": "null", "phone": "-"},
        {"email": 0, "phone": 1},
        {"email": "@", "phone": "unknown"},
        {"email": "n/a", "phone": "EUR"},
    ],
)
def test_request_without_a_customer_is_refused(schema: PlatformSchema, customer: dict[str, Any]) -> None:
    """A request that identifies no customer must not erase the whole shop."""
    payload: dict[str, Any] = {name: [] for name in schema.shape.exactly} | {
        "shop_domain": "a.example",
        "customer": customer,
    }
    assert complaint(schema, payload) == {"customer": ["identifies no customer: no id, email, phone or order"]}


def test_shop_redact_names_the_whole_shop() -> None:
    """shop/redact is a Redaction of one domain."""
    payload = {"shop_id": 1, "shop_domain": "a.example"}
    assert shopify_privacy.ShopRedactSchema().translate(payload) == Redaction("a.example")


@pytest.mark.parametrize("domain", ["", " ", None, "undefined", "*", "%", "https://", "a.example\0", "\u202e"])
def test_a_request_names_one_shop(domain: Any) -> None:
    """Otherwise it would erase what every shop with the same app has stored."""
    customer = {"customer": {"id": 7}}
    for schema in (shopify_privacy.ShopRedactSchema, shopify_privacy.RedactSchema, shopify_privacy.DataRequestSchema):
        more = {} if schema is shopify_privacy.ShopRedactSchema else customer
        payload = {name: [] for name in schema.shape.exactly} | {"shop_domain": domain} | more
        assert set(complaint(schema(), payload)) == {"shop_domain"}


def test_what_is_not_personal_identifies_no_customer() -> None:
    """An odd phone number, such as 1, would erase every order with a quantity of that."""
    customer = {"id": 7, "email": "Jan@example.test", "phone": 1}
    payload = {"shop_id": 1, "shop_domain": "a.example", "customer": customer, "orders_to_redact": []}
    assert shopify_privacy.RedactSchema().translate(payload) == Redaction(
        "a.example", "7", frozenset(), frozenset({"Jan@example.test"})
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("gid://shopify/Product/8011551572211", "8011551572211"),
        ("gid://shopify/ProductVariant/44?inventory_item_id=1", "44"),
        ("8011551572211", "8011551572211"),
        (8011551572211, "8011551572211"),
    ],
)
def test_global_id(given: str | int, text: str) -> None:
    """An id may be written as a global id, with parameters behind it."""
    assert shopify.GlobalId().deserialize(given) == text
