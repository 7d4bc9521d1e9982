"""Shopify's payloads: https://shopify.dev/docs/api/admin-rest/latest/resources/order and the compliance topics."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from schemas.base import PlatformSchema, present
from schemas.events import DataRequest, Ignored, Line, Payment, Purchase, Reason, Redaction, Translation, Visitor
from schemas.fields import Attributes, Id, Label, Moment, Money, Text
from schemas.storefront import (
    AddToCartSchema,
    PageviewSchema,
    ProductSchema,
    SearchSchema,
    SessionStartSchema,
    StorefrontSchema,
)

# https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderDisplayFinancialStatus
PAYMENT = {
    "pending": Payment.PENDING,
    "expired": Payment.PENDING,
    "authorized": Payment.PLACED,
    "partially_paid": Payment.PLACED,
    "partially_refunded": Payment.PAID,
    "paid": Payment.PAID,
}
DRAFT_CHANNEL = "shopify_draft_order"
GID = re.compile(r"^gid://shopify/[A-Za-z]+/")


class TaxLine(PlatformSchema):
    """One tax on a line."""

    price = Money(required=True)


class DiscountAllocation(PlatformSchema):
    """The part of a discount, on the line or on the order, that falls on a line."""

    amount = Money(required=True)


class LineItem(PlatformSchema):
    """One order line; tips, custom items and deleted products have no product_id."""

    product_id = Id(load_default=None, allow_none=True)
    variant_id = Id(load_default=None, allow_none=True)
    sku = Label(load_default=None, allow_none=True)
    quantity = Money(load_default=None, allow_none=True)
    price = Money(load_default=None, allow_none=True)
    total_discount = Money(load_default=None, allow_none=True)
    discount_allocations = fields.List(fields.Nested(DiscountAllocation), load_default=None, allow_none=True)
    tax_lines = fields.List(fields.Nested(TaxLine), load_default=None, allow_none=True)


class Customer(PlatformSchema):
    """The buyer, where Shopify knows one."""

    id = Id(load_default=None, allow_none=True)
    email = fields.String(load_default=None, allow_none=True)
    phone = fields.String(load_default=None, allow_none=True)


class OrderSchema(PlatformSchema):
    """An order, from orders/create, orders/paid or orders/updated."""

    id = Id(required=True)
    created_at = Moment(required=True)
    test = fields.Boolean(load_default=False, allow_none=True)
    source_name = fields.String(load_default=None, allow_none=True)
    cancelled_at = fields.String(load_default=None, allow_none=True)
    financial_status = fields.String(load_default=None, allow_none=True)
    taxes_included = fields.Boolean(load_default=None, allow_none=True)
    currency = Text(load_default=None, allow_none=True)
    customer_locale = Text(load_default=None, allow_none=True)
    customer = fields.Nested(Customer, load_default=None, allow_none=True)
    note_attributes = Attributes("name", "value", load_default=dict, allow_none=True)
    line_items = fields.List(fields.Nested(LineItem), required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or why this order is none."""
        return _no_purchase(loaded) or _purchase(loaded)


def _no_purchase(order: dict[str, Any]) -> Ignored | None:
    status = order["financial_status"]
    if order["test"]:
        return Ignored(Reason.TEST_ORDER, "Test notification or test order received; it is not counted.")
    if order["source_name"] == DRAFT_CHANNEL:
        return Ignored(Reason.DRAFT, "The merchant made this order from a draft; no visitor bought it.")
    if order["cancelled_at"]:
        return Ignored(Reason.CANCELLED, "The order was cancelled.")
    if status == "voided":
        return Ignored(Reason.VOIDED, "The payment was voided.")
    if status == "refunded":
        return Ignored(Reason.REFUNDED, "The order was refunded in full.")
    return None


def _purchase(order: dict[str, Any]) -> Purchase:
    items = [item for item in order["line_items"] if item["product_id"]]
    customer = order["customer"] or {}
    return Purchase(
        order_id=order["id"],
        created_at=order["created_at"],
        payment=PAYMENT.get(order["financial_status"], Payment.PLACED),
        visitor=Visitor(order["note_attributes"] or {}, customer.get("id")),
        lines=tuple(_line(item) for item in items),
        revenue=_revenue(items, taxes_included=order["taxes_included"]),
        fields=present(locale=order["customer_locale"], currency=order["currency"]),
    )


def _line(item: dict[str, Any]) -> Line:
    product, variant = item["product_id"], item["variant_id"]
    return Line(present(product_id=product, variant_id=variant or product, sku=item["sku"]))


def _revenue(items: list[dict[str, Any]], *, taxes_included: bool | None) -> Decimal | None:
    """Sum the lines after discount and before tax; None as soon as one of them does not say."""
    amounts = [_line_revenue(item, taxes_included=taxes_included) for item in items]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _line_revenue(item: dict[str, Any], *, taxes_included: bool | None) -> Decimal | None:
    discount, tax = _discount(item), _tax_inside(item, taxes_included=taxes_included)
    if item["price"] is None or item["quantity"] is None or discount is None or tax is None:
        return None
    total: Decimal = item["price"] * item["quantity"]
    return total - discount - tax


def _discount(item: dict[str, Any]) -> Decimal | None:
    """The allocations cover order-wide discounts too; `total_discount` is only the line's own, the second best.

    https://shopify.dev/docs/api/admin-rest/latest/resources/order (line_items, total_discount)
    """
    if item["discount_allocations"] is None:
        discount: Decimal | None = item["total_discount"]
        return discount
    return sum((part["amount"] for part in item["discount_allocations"]), Decimal(0))


def _tax_inside(item: dict[str, Any], *, taxes_included: bool | None) -> Decimal | None:
    """What of the line's price is tax: nothing where prices exclude it, unknown where the payload does not say."""
    if taxes_included is False:
        return Decimal(0)
    if taxes_included is None or item["tax_lines"] is None:
        return None
    return sum((tax["price"] for tax in item["tax_lines"]), Decimal(0))


class RedactSchema(PlatformSchema):
    """customers/redact: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance."""

    shop_domain = fields.String(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_to_redact = fields.List(Id(), load_default=list, allow_none=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the duty to wipe one customer."""
        return _subject(loaded, loaded["orders_to_redact"])


class DataRequestSchema(PlatformSchema):
    """customers/data_request: the merchant must tell a customer what is held."""

    shop_domain = fields.String(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_requested = fields.List(Id(), load_default=list, allow_none=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the duty to tell what is held of one customer."""
        return DataRequest(_subject(loaded, loaded["orders_requested"]))


class ShopRedactSchema(PlatformSchema):
    """shop/redact: sent 48 hours after the app was removed from a shop."""

    shop_domain = fields.String(required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the duty to wipe the shop."""
        return Redaction(domain=loaded["shop_domain"])


def _subject(loaded: dict[str, Any], order_ids: list[str | None] | None) -> Redaction:
    customer = loaded["customer"]
    orders = frozenset(order for order in order_ids or () if order)
    personal = frozenset(text for text in (customer["email"], customer["phone"]) if text)
    if not (customer["id"] or orders or personal):
        # A domain standing alone means the whole shop, which this topic never does.
        raise ValidationError({"customer": ["names nobody: no id, email, phone or order"]})
    return Redaction(loaded["shop_domain"], customer["id"], orders, personal)


class GlobalId(Id):
    """An id that may come as gid://shopify/Product/1, as https://shopify.dev/docs/api/usage/gids writes them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        bare = GID.sub("", value).partition("?")[0] if isinstance(value, str) else value
        return super()._deserialize(bare, *args, **kwargs)


class _Proxied(StorefrontSchema):
    """Who is logged in says the proxy; whatever the page says of it is not read."""

    customer_id = GlobalId(data_key="logged_in_customer_id", load_default=None, allow_none=True)


class _ProxiedProduct(_Proxied, ProductSchema):
    """A product as a page says it."""

    product_id = GlobalId(required=True)
    variant_id = GlobalId(load_default=None, allow_none=True)


class ProxiedSearchSchema(_Proxied, SearchSchema):
    """https://shopify.dev/docs/api/web-pixels-api/standard-events/search_submitted , through the App Proxy."""


class ProxiedPageviewSchema(_ProxiedProduct, PageviewSchema):
    """https://shopify.dev/docs/api/web-pixels-api/standard-events/product_viewed , through the App Proxy."""


class ProxiedAddToCartSchema(_ProxiedProduct, AddToCartSchema):
    """https://shopify.dev/docs/api/web-pixels-api/standard-events/product_added_to_cart , through the App Proxy."""


class ProxiedSessionStartSchema(_Proxied, SessionStartSchema):
    """A visit, which the pixel begins after half an hour of nothing."""
