"""Payloads of WooCommerce: an order as in the REST API, or an error in its place."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from schemas.base import MOST_LINES, PlatformSchema, Shape, present
from schemas.events import Ignored, Line, Payment, Purchase, Reason, Translation, Visitor
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text

# https://woocommerce.com/document/managing-orders/order-statuses/ ; a shop's own statuses (shipped, packed, ...)
# come after the purchase and count as placed.
NO_PURCHASE = {
    "checkout-draft": (Reason.DRAFT, "The checkout was opened and not completed."),
    "auto-draft": (Reason.DRAFT, "The order is a draft."),
    "draft": (Reason.DRAFT, "The order is a draft."),
    "failed": (Reason.FAILED, "The payment failed."),
    "cancelled": (Reason.CANCELLED, "The order was cancelled."),
    "refunded": (Reason.REFUNDED, "The order was refunded in full."),
    "trash": (Reason.DELETED, "The order is in the trash."),
}
# Products, customers and coupons share many fields with orders; a subscription has lines, and a period besides.
# https://woocommerce.github.io/subscriptions-rest-api-docs/
ORDER_FIELDS = frozenset(
    {"cart_hash", "created_via", "date_paid", "date_paid_gmt", "line_items", "order_key", "payment_method"}
)
NOT_OF_AN_ORDER = frozenset({"action", "billing_interval", "billing_period", "profile_key", "session_key"})
# Product Bundles, Composite Products and Mix and Match list a bundle's parts as lines of their own.
PART_OF_BUNDLE = ("bundled_by", "_bundled_by", "composite_parent", "_composite_parent", "_mnm_container")
ERROR_CODE = re.compile(r"[a-z_]{1,80}")
ERROR_HELP = {
    "woocommerce_rest_cannot_view": "the user of the webhook may not read orders, save the webhook as a shop manager",
    "woocommerce_rest_shop_order_invalid_id": "the order was gone before the webhook was sent",
}


class LineItem(PlatformSchema):
    """One order line; `product_id` is the parent, `variation_id` the variant or 0."""

    product_id = Id(load_default=None)
    variation_id = Id(load_default=None)
    sku = Label(load_default=None)
    total = Money(load_default=None)
    bundled_by = fields.Raw(load_default=None)
    composite_parent = fields.Raw(load_default=None)
    meta_data = Attributes("key", "value", load_default=dict, allow_none=True)


class OrderSchema(PlatformSchema):
    """An order, from order.created or order.updated.

    WooCommerce builds the payload when it sends it, so the status counts and not the topic.
    """

    shape = Shape(any_of=ORDER_FIELDS, none_of=NOT_OF_AN_ORDER)
    id = Id(required=True)
    status = fields.String(required=True)
    date_created_gmt = Moment(load_default=None)
    date_paid_gmt = Moment(load_default=None)
    customer_id = Id(load_default=None)
    currency = Text(load_default=None)
    meta_data = Attributes("key", "value", load_default=dict, allow_none=True)
    line_items = Rows(fields.Nested(LineItem), most=MOST_LINES, required=True)

    def translate(self, payload: Any) -> Translation:
        """Return the event of an order; an error message that was sent in place of the order is ignored by its code."""
        if isinstance(payload, dict) and {"code", "message"} <= payload.keys() and "line_items" not in payload:
            return _platform_error(payload["code"])
        return super().translate(payload)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or the reason why the order is not one."""
        if why := NO_PURCHASE.get(loaded["status"]):
            return Ignored(*why)
        return _purchase(loaded)


def _platform_error(code: Any) -> Ignored:
    known = code if isinstance(code, str) and ERROR_CODE.fullmatch(code) else "unknown"
    advice = ERROR_HELP.get(known, "see the shop's WooCommerce log")
    return Ignored(Reason.PLATFORM_ERROR, f"WooCommerce sent the error {known} instead of the order: {advice}.")


def _purchase(order: dict[str, Any]) -> Purchase:
    if order["date_created_gmt"] is None:
        raise ValidationError({"date_created_gmt": ["Missing data for required field."]})
    items = [item for item in order["line_items"] if item["product_id"]]
    return Purchase(
        order_id=order["id"],
        created_at=order["date_created_gmt"],
        payment=_payment(order),
        visitor=Visitor(order["meta_data"] or {}, order["customer_id"]),
        lines=tuple(_line(item) for item in items),
        revenue=_revenue(items),
        fields=present(currency=order["currency"]),
    )


def _payment(order: dict[str, Any]) -> Payment:
    if order["status"] == "pending":
        return Payment.PENDING
    paid = order["date_paid_gmt"] or order["status"] == "completed"
    return Payment.PAID if paid else Payment.PLACED


def _line(item: dict[str, Any]) -> Line:
    product, variant = item["product_id"], item["variation_id"]
    values = {**(item["meta_data"] or {}), **item}
    return Line(
        fields=present(product_id=product, variant_id=variant or product, sku=item["sku"]),
        part_of_bundle=any(values.get(name) for name in PART_OF_BUNDLE),
    )


def _revenue(items: list[dict[str, Any]]) -> Decimal | None:
    """Sum the lines; `total` is after discounts and before taxes, whatever prices the shop displays."""
    totals = [item["total"] for item in items]
    return None if None in totals else sum(totals, Decimal(0))
