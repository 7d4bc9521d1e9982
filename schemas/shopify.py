"""Payloads of Shopify: https://shopify.dev/docs/api/admin-rest/latest/resources/order and the compliance topics."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, cast

from marshmallow import ValidationError, fields

from schemas.base import MOST_LINES, PlatformSchema, Shape, present
from schemas.events import DataRequest, Ignored, Line, Payment, Purchase, Reason, Redaction, Translation, Visitor
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text
from schemas.storefront import ProductSchema, StorefrontSchema

# https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderDisplayFinancialStatus
PAYMENT = {
    "pending": Payment.PENDING,
    "expired": Payment.PENDING,
    "authorized": Payment.PLACED,
    "partially_paid": Payment.PLACED,
    "partially_refunded": Payment.PAID,
    "paid": Payment.PAID,
}
# A subscription may leave any field out (includeFields), and drafts, checkouts, carts and fulfillments have lines too.
# https://shopify.dev/docs/api/admin-rest/latest/resources/draftorder, .../checkout, .../fulfillment, .../refund
ORDER_FIELDS = frozenset(
    {
        *("cancelled_at", "customer_locale", "financial_status", "line_items", "note_attributes", "order_number"),
        "source_name",
    }
)
NOT_OF_AN_ORDER = frozenset(
    {
        *("abandoned_checkout_url", "completed_at", "invoice_sent_at", "invoice_url"),  # checkouts and drafts
        *("order_id", "order_edit", "refund_line_items", "tracking_numbers"),  # what happens to an order
        *("data_request", "orders_requested", "orders_to_redact", "shop_domain"),  # compliance
    }
)
# A webhook under the topic of a proxied event lacks what the proxy adds; what a page sends besides is its own matter.
PROXIED = Shape(any_of=frozenset({"shop"}))
DRAFT_CHANNEL = "shopify_draft_order"
MOST_PARTS = 100  # taxes or discounts of one line
MOST_ORDERS = 10_000  # of one customer
GID = re.compile(r"^gid://shopify/[A-Za-z]+/")


class TaxLine(PlatformSchema):
    """One tax on a line."""

    price = Money(required=True)


class DiscountAllocation(PlatformSchema):
    """A line's share of a discount on the line or on the order."""

    amount = Money(required=True)


class LineItem(PlatformSchema):
    """One order line; tips, custom items and deleted products have no product_id."""

    product_id = Id(load_default=None)
    variant_id = Id(load_default=None)
    sku = Label(load_default=None)
    quantity = Money(load_default=None)
    price = Money(load_default=None)
    total_discount = Money(load_default=None)
    discount_allocations = Rows(fields.Nested(DiscountAllocation), most=MOST_PARTS, load_default=None)
    tax_lines = Rows(fields.Nested(TaxLine), most=MOST_PARTS, load_default=None)


class Customer(PlatformSchema):
    """The customer of an order or of a privacy request."""

    id = Id(load_default=None)
    email = fields.String(load_default=None)
    phone = fields.String(load_default=None)


class OrderSchema(PlatformSchema):
    """An order, from orders/create, orders/paid or orders/updated."""

    shape = Shape(any_of=ORDER_FIELDS, none_of=NOT_OF_AN_ORDER)
    id = Id(required=True)
    created_at = Moment(required=True)
    test = fields.Boolean(load_default=False, allow_none=True)
    source_name = fields.String(load_default=None)
    cancelled_at = fields.String(load_default=None)
    financial_status = fields.String(load_default=None)
    taxes_included = fields.Boolean(load_default=None)
    currency = Text(load_default=None)
    customer_locale = Text(load_default=None)
    customer = fields.Nested(Customer, load_default=None)
    note_attributes = Attributes("name", "value", load_default=dict, allow_none=True)
    line_items = Rows(fields.Nested(LineItem), most=MOST_LINES, required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or the reason why the order is not one."""
        if not loaded["id"].isdecimal():
            return Ignored(Reason.WRONG_TOPIC, "The payload is not an order, whose id is a number: it may be a cart.")
        return _no_purchase(loaded) or _purchase(loaded)


def _no_purchase(order: dict[str, Any]) -> Ignored | None:
    status = order["financial_status"]
    if order["test"]:
        return Ignored(Reason.TEST_ORDER, "This is a test notification or a test order, which is not counted.")
    if order["source_name"] == DRAFT_CHANNEL:
        return Ignored(Reason.DRAFT, "The merchant created the order from a draft; it is not a purchase of a visitor.")
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
    """Sum the lines after discounts and before taxes; None if the amount of any line is unknown."""
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
    """Return the discount of a line; the allocations include discounts on the order, `total_discount` does not.

    https://shopify.dev/docs/api/admin-rest/latest/resources/order (line_items, total_discount)
    """
    if item["discount_allocations"] is None:
        discount: Decimal | None = item["total_discount"]
        return discount
    return sum((part["amount"] for part in item["discount_allocations"]), Decimal(0))


def _tax_inside(item: dict[str, Any], *, taxes_included: bool | None) -> Decimal | None:
    """Return the tax within a line's price: zero where prices exclude it, None if unknown."""
    if taxes_included is False:
        return Decimal(0)
    if taxes_included is None or item["tax_lines"] is None:
        return None
    return sum((tax["price"] for tax in item["tax_lines"]), Decimal(0))


class RedactSchema(PlatformSchema):
    """A request to erase a customer (customers/redact): https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain", "customer", "orders_to_redact"}))
    shop_domain = fields.String(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_to_redact = Rows(Id(), most=MOST_ORDERS, load_default=list, allow_none=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to erase one customer."""
        return _subject(loaded, loaded["orders_to_redact"])


class DataRequestSchema(PlatformSchema):
    """A customer asks the merchant for their stored data (customers/data_request)."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain", "customer", "orders_requested", "data_request"}))
    shop_domain = fields.String(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_requested = Rows(Id(), most=MOST_ORDERS, load_default=list, allow_none=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to report one customer's data."""
        return DataRequest(_subject(loaded, loaded["orders_requested"]))


class ShopRedactSchema(PlatformSchema):
    """A request to erase a shop (shop/redact), sent 48 hours after the app was uninstalled."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain"}))
    shop_domain = fields.String(required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to erase the shop."""
        return Redaction(domain=loaded["shop_domain"])


def _subject(loaded: dict[str, Any], order_ids: list[str | None] | None) -> Redaction:
    customer = loaded["customer"]
    orders = frozenset(order for order in order_ids or () if order)
    personal = frozenset(text for text in (customer["email"], customer["phone"]) if text)
    if not (customer["id"] or orders or personal):
        # A Redaction with only a domain means the whole shop, which this topic never does.
        raise ValidationError({"customer": ["identifies no customer: no id, email, phone or order"]})
    return Redaction(loaded["shop_domain"], customer["id"], orders, personal)


class GlobalId(Id):
    """An id that may come as gid://shopify/Product/1, as https://shopify.dev/docs/api/usage/gids writes them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        bare = GID.sub("", value).partition("?")[0] if isinstance(value, str) else value
        return super()._deserialize(bare, *args, **kwargs)


def proxied(schema: type[StorefrontSchema]) -> StorefrontSchema:
    """Return a schema for an event that came through the App Proxy.

    The customer is read from the parameter that the proxy signs, never from what the page sends; ids may be global ids.
    """
    own: dict[str, fields.Field[Any]] = {"customer_id": GlobalId(data_key="logged_in_customer_id", load_default=None)}
    if issubclass(schema, ProductSchema):
        own |= {"product_id": GlobalId(required=True), "variant_id": GlobalId(load_default=None)}
    proxied_schema = cast("type[StorefrontSchema]", schema.from_dict(own, name=f"Proxied{schema.__name__}"))
    proxied_schema.shape = PROXIED
    return proxied_schema()
