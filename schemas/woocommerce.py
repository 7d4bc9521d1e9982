"""Payloads of WooCommerce: an order as in the REST API, or an error in its place."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields

from schemas import woocommerce_bundles
from schemas.base import MOST_LINES, PlatformSchema, Shape, present
from schemas.events import Channel, Ignored, Line, Payment, Purchase, Reason, Translation, Visitor
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text
from schemas.order_reference import OrderFields
from schemas.statuses import Status

QUOTE = Ignored(Reason.QUOTE, "This is a request for a quote, not an order.")
NO_ORDER = Ignored(Reason.NOT_AN_ORDER, "The status is one of a subscription, a booking or a page, not of an order.")
# https://woocommerce.com/document/managing-orders/order-statuses/ ; a shop's own statuses (shipped, packed, ...)
# come after the purchase and count as placed.
NO_PURCHASE = {
    "pending": Ignored(Reason.PENDING, "The visitor left the checkout before the payment; the order counts once paid."),
    "checkout-draft": Ignored(Reason.DRAFT, "The checkout was opened and not completed."),
    "auto-draft": Ignored(Reason.DRAFT, "The order is a draft."),
    "draft": Ignored(Reason.DRAFT, "The order is a draft."),
    "failed": Ignored(Reason.FAILED, "The payment failed."),
    "cancelled": Ignored(Reason.CANCELLED, "The order was cancelled."),
    "cancel-request": Ignored(Reason.CANCELLED, "The customer asked to cancel the order."),
    "refunded": Ignored(Reason.REFUNDED, "The order was refunded in full."),
    "trash": Ignored(Reason.DELETED, "The order is in the trash."),
    # Woo Subscriptions, Woo Bookings, and statuses of WordPress' pages.
    **dict.fromkeys(("active", "expired", "pending-cancel", "switched"), NO_ORDER),
    **dict.fromkeys(("in-cart", "was-in-cart", "pending-confirmation"), NO_ORDER),
    **dict.fromkeys(("publish", "future", "private", "inherit"), NO_ORDER),
}
# Words in the statuses of plugins for quotes: an accepted quote becomes an order like any other.
# YITH Request a Quote: https://docs.yithemes.com/yith-woocommerce-request-a-quote/
QUOTE_WORDS = frozenset(
    {"quote", "quotes", "quotation", "ywraq", "gplsquote", "rfq", "estimate", "enquiry", "inquiry", "proforma"}
)
# Products, customers and coupons share many fields with orders; a subscription has lines, and a period besides.
# https://woocommerce.github.io/subscriptions-rest-api-docs/
ORDER_FIELDS = frozenset(
    {"cart_hash", "created_via", "date_paid", "date_paid_gmt", "line_items", "order_key", "payment_method"}
)
NOT_OF_AN_ORDER = frozenset({"action", "billing_interval", "billing_period", "profile_key", "session_key"})
ORDERS = OrderFields(
    marks=ORDER_FIELDS,
    foreign=NOT_OF_AN_ORDER,
    topics="order.",
    names=("number", "order_number"),
    changed="date_modified_gmt",
    inside="order",  # of the legacy API
)
CHANNELS = {"admin": Channel.ADMIN, "pos-rest-api": Channel.POS, "pos": Channel.POS, "woocommerce-pos": Channel.POS}
# Woo Subscriptions: https://woocommerce.com/document/subscriptions/renewal-process/
# YITH Subscription, and Subscriptions for WooCommerce under its two names, mark a renewal with "yes".
RENEWAL_META = frozenset(
    {
        *("_subscription_renewal", "subscription_renewal", "is_a_renew"),
        *("wps_sfw_renewal_order", "mwb_sfw_renewal_order"),
    }
)
NO = ("", "0", "no", "false")
ERROR_CODE = re.compile(r"[a-z_]{1,80}")
ERROR_HELP = {
    "woocommerce_rest_cannot_view": "the user of the webhook may not read orders, save the webhook as a shop manager",
    "woocommerce_rest_shop_order_invalid_id": "the order was gone before the webhook was sent",
}
NEEDED_VERSION = 'choose "WP REST API Integration v3" as the API version of the webhook'


class LineItem(PlatformSchema):
    """One order line; `product_id` is the parent, `variation_id` the variant or 0."""

    id = Id(load_default=None)
    product_id = Id(load_default=None, strict=True)
    variation_id = Id(load_default=None, odd="")
    sku = Label(load_default=None)
    quantity = Money(load_default=None)
    total = Money(load_default=None)
    bundled_by = fields.Raw(load_default=None)
    composite_parent = fields.Raw(load_default=None)
    mnm_child_of = fields.Raw(load_default=None)
    meta_data = Attributes("key", "value", load_default=dict, allow_none=True)


class FeeLine(PlatformSchema):
    """A fee; a negative one is a discount."""

    total = Money(load_default=None)


class OrderSchema(PlatformSchema):
    """An order, from order.created or order.updated.

    WooCommerce builds the payload when it sends it, so the status counts and not the topic.
    """

    shape = Shape(any_of=ORDER_FIELDS, none_of=NOT_OF_AN_ORDER)
    id = Id(required=True)
    parent_id = Id(load_default=None)
    status = Status(required=True, prefix="wc-")
    date_created_gmt = Moment(load_default=None)
    date_paid_gmt = Moment(load_default=None)
    date_completed_gmt = Moment(load_default=None)
    created_via = Status(load_default="")
    customer_id = Id(load_default=None)
    currency = Text(load_default=None)
    meta_data = Attributes("key", "value", load_default=dict, allow_none=True)
    line_items = Rows(fields.Nested(LineItem), most=MOST_LINES, required=True)
    fee_lines = Rows(fields.Nested(FeeLine), most=MOST_LINES, load_default=list)

    def translate(self, payload: Any) -> Translation:
        """Return the event of an order; an error message that was sent in place of the order is ignored by its code."""
        if isinstance(payload, dict) and {"code", "message"} <= payload.keys() and "line_items" not in payload:
            return _platform_error(payload["code"])
        if isinstance(payload, dict) and "id" not in payload and isinstance(payload.get("order"), dict):
            raise ValidationError({"order": [f"is the body of WooCommerce's legacy API: {NEEDED_VERSION}"]})
        return super().translate(payload)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or the reason why the order is not one."""
        if why := NO_PURCHASE.get(loaded["status"]):
            return why
        if not QUOTE_WORDS.isdisjoint(loaded["status"].split("-")):
            return QUOTE
        purchase = _purchase(loaded)
        if loaded["parent_id"] and not purchase.is_renewal:
            return Ignored(Reason.SUB_ORDER, "This is a vendor's part of another order, which counts as a whole.")
        return purchase


def _platform_error(code: Any) -> Ignored:
    known = code if isinstance(code, str) and ERROR_CODE.fullmatch(code) else "unknown"
    advice = ERROR_HELP.get(known, "see the shop's WooCommerce log")
    return Ignored(Reason.PLATFORM_ERROR, f"WooCommerce sent the error {known} instead of the order: {advice}.")


def _purchase(order: dict[str, Any]) -> Purchase:
    if order["date_created_gmt"] is None:
        raise ValidationError({"date_created_gmt": [f"is missing or no time, as in older APIs: {NEEDED_VERSION}"]})
    bought = [item for item in order["line_items"] if item["quantity"] is None or item["quantity"] > 0]
    items = [item for item in bought if item["product_id"]]
    meta = order["meta_data"] or {}
    dates = [order[name] for name in ("date_created_gmt", "date_paid_gmt", "date_completed_gmt") if order[name]]
    return Purchase(
        order_id=order["id"],
        created_at=min(dates),
        payment=_payment(order),
        visitor=Visitor(meta, order["customer_id"]),
        lines=woocommerce_bundles.with_containers(bought, _line),
        revenue=_revenue(items, order["fee_lines"]),
        fields=present(currency=order["currency"]),
        status=order["status"],
        paid_at=order["date_paid_gmt"],
        channel=CHANNELS.get(order["created_via"]),
        is_renewal=order["created_via"] == "subscription" or _is_renewal(meta),
    )


def _is_renewal(meta: dict[str, str]) -> bool:
    return any(meta[name].strip().lower() not in NO for name in RENEWAL_META.intersection(meta))


def _payment(order: dict[str, Any]) -> Payment:
    return Payment.PAID if order["date_paid_gmt"] or order["status"] == "completed" else Payment.PLACED


def _line(item: dict[str, Any]) -> Line:
    product, variant = item["product_id"], item["variation_id"]
    return Line(present(product_id=product, variant_id=product if variant is None else variant, sku=item["sku"]))


def _revenue(items: list[dict[str, Any]], fees: list[dict[str, Any]]) -> Decimal | None:
    """Sum the lines; `total` is after discounts and before taxes, whatever prices the shop displays.

    A negative fee is a discount of the order, a positive one (gift wrapping, cash on delivery) is no product.
    """
    totals = [item["total"] for item in items]
    discounts = (fee["total"] for fee in fees if fee["total"] is not None and fee["total"] < 0)
    return None if None in totals else sum((*totals, *discounts), Decimal(0))
