"""Payloads of Shopify: https://shopify.dev/docs/api/admin-rest/latest/resources/order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, cast

from marshmallow import fields

from schemas import shopify_revenue
from schemas.base import MOST_LINES, PlatformSchema, Shape, present
from schemas.event_types import PRODUCT_KEY
from schemas.events import (
    Channel,
    Ignored,
    Payment,
    Purchase,
    Reason,
    Translation,
    Visitor,
)
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text
from schemas.order_reference import OrderFields
from schemas.statuses import Status
from schemas.storefront import line_of
from schemas.tolerant import Flag, Part

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.storefront import BrowsingSchema

# https://shopify.dev/docs/api/admin-graphql/latest/enums/OrderDisplayFinancialStatus
# Pending is a completed checkout: bank transfer, cash on delivery, invoice.
PAYMENT = {
    "": Payment.PLACED,
    "pending": Payment.PLACED,
    "authorized": Payment.PLACED,
    "partially-paid": Payment.PLACED,
    "partially-refunded": Payment.PAID,
    "paid": Payment.PAID,
}
NO_PURCHASE = {
    "voided": Ignored(Reason.VOIDED, "The payment was voided."),
    "refunded": Ignored(Reason.REFUNDED, "The order was refunded in full."),
    "expired": Ignored(Reason.FAILED, "The payment was not captured in time."),
}
# https://shopify.dev/docs/api/admin-rest/latest/resources/order (source_name); iphone and android are the POS app.
CHANNELS = {"pos": Channel.POS, "iphone": Channel.POS, "android": Channel.POS}
DRAFT_CHANNEL = "shopify-draft-order"
# https://community.shopify.dev/t/order-paid-webhook-sourcename-property-changed-for-subscription/23868
RENEWAL_CHANNELS = ("subscription-contract", "subscription-contract-checkout-one")
RENEWAL_TAG = "subscription recurring order"  # Recharge: https://docs.getrecharge.com/docs/order-tags
LONGEST_TAGS = 5000
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
ORDERS = OrderFields(
    marks=ORDER_FIELDS,
    foreign=NOT_OF_AN_ORDER,
    topics="orders/",
    names=("name", "order_number"),
    about=("order_id",),
    changed="updated_at",
    inside="order_edit",
)
# A webhook under the topic of a proxied event lacks what the proxy adds; what a page sends besides is its own matter.
PROXIED = Shape(any_of=frozenset({"shop"}))
# https://shopify.dev/docs/api/admin-rest/latest/resources/transaction (kind)
PAYMENTS = ("sale", "capture")
MOST_REFUNDS = 500  # or payments of an order
MOST_PARTS = 100  # taxes or discounts of one line
IMPORTED = 86_400  # seconds between an order's own date and its creation, from which on it was imported
GID = re.compile(r"^gid://shopify/[A-Za-z]+/")


class TaxLine(PlatformSchema):
    """One tax on a line."""

    price = Money(required=True)


class DiscountAllocation(PlatformSchema):
    """A line's share of a discount on the line or on the order."""

    amount = Money(required=True)


class Duty(PlatformSchema):
    """An import duty on a line."""

    shop_money = fields.Nested(DiscountAllocation, required=True)


class LineItem(PlatformSchema):
    """One order line; tips, custom items and deleted products have no product_id.

    `current_quantity` is what is left after edits and refunds; taxes and discounts stay those of `quantity`.
    """

    id = Id(load_default=None)
    product_id = Id(load_default=None, strict=True)
    variant_id = Id(load_default=None, odd="")
    sku = Label(load_default=None)
    quantity = Money(load_default=None)
    current_quantity = Money(load_default=None)
    price = Money(load_default=None)
    total_discount = Money(load_default=None)
    discount_allocations = Rows(fields.Nested(DiscountAllocation), most=MOST_PARTS, load_default=None, odd=False)
    tax_lines = Rows(fields.Nested(TaxLine), most=MOST_PARTS, load_default=None)
    duties = Rows(fields.Nested(Duty), most=MOST_PARTS, load_default=None)


class Customer(PlatformSchema):
    """The customer of an order."""

    id = Id(load_default=None)


class RefundedLine(PlatformSchema):
    """What was refunded of an order line."""

    line_item_id = Id(required=True)
    quantity = Money(required=True)


class Refund(PlatformSchema):
    """A refund of an order; API versions without `current_quantity` say only here what is left of a line."""

    refund_line_items = Rows(fields.Nested(RefundedLine), most=MOST_LINES, load_default=list, allow_none=True)


class Transaction(PlatformSchema):
    """A payment of an order that was fetched by API; GraphQL names the time as processedAt."""

    kind = Status(load_default="")
    status = Status(load_default="")
    processed_at = Moment(load_default=None)
    processed_at_of_graphql = Moment(data_key="processedAt", load_default=None)


class OrderSchema(PlatformSchema):
    """An order, from orders/create or orders/updated."""

    just_paid: ClassVar[bool] = False

    shape = Shape(any_of=ORDER_FIELDS, none_of=NOT_OF_AN_ORDER)
    id = Id(required=True)
    created_at = Moment(required=True)
    processed_at = Moment(load_default=None)
    test = Flag(load_default=False, allow_none=True)
    source_name = Status(load_default="")
    tags = Text(load_default="", longest=LONGEST_TAGS, cut=True)
    company = Part(PlatformSchema, load_default=None)
    cancelled_at = Moment(load_default=None)
    financial_status = Status(load_default="")
    taxes_included = Flag(load_default=None)
    duties_included = Flag(load_default=False)
    subtotal_price = Money(load_default=None)
    current_subtotal_price = Money(load_default=None)
    currency = Text(load_default=None)
    customer_locale = Text(load_default=None)
    customer = Part(Customer, load_default=None)
    checkout_token = Text(load_default="", allow_none=True)
    note_attributes = Attributes("name", "value", load_default=dict, allow_none=True)
    refunds = Rows(fields.Nested(Refund), most=MOST_REFUNDS, load_default=list, allow_none=True)
    transactions = Rows(fields.Nested(Transaction), most=MOST_REFUNDS, load_default=list, allow_none=True)
    line_items = Rows(fields.Nested(LineItem), most=MOST_LINES, required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or the reason why the order is not one."""
        if not loaded["id"].isdecimal():
            return Ignored(Reason.WRONG_TOPIC, "The payload is not an order, whose id is a number: it may be a cart.")
        if loaded["refunds"]:
            shopify_revenue.subtract_refunds(loaded)
        why = _no_purchase(loaded)
        return (TEST_ORDER if why and loaded["test"] else why) or _purchase(loaded, just_paid=self.just_paid)


class PaidOrderSchema(OrderSchema):
    """An order, from orders/paid: the only topic that reports when the payment was made, which is now."""

    just_paid = True


TEST_ORDER = Ignored(Reason.TEST_ORDER, "This is a test notification or a test order, which is not counted.")


def _no_purchase(order: dict[str, Any]) -> Ignored | None:
    if order["source_name"] == DRAFT_CHANNEL:
        return Ignored(Reason.DRAFT, "The merchant created the order from a draft; it is not a purchase of a visitor.")
    if order["cancelled_at"]:
        return Ignored(Reason.CANCELLED, "The order was cancelled.")
    if why := NO_PURCHASE.get(order["financial_status"]):
        return why
    products = [item for item in order["line_items"] if item["product_id"]]
    if products and not any(shopify_revenue.is_bought(item) for item in products):
        return Ignored(Reason.REFUNDED, "No product is left of the order: each was removed or refunded.")
    return None


def _purchase(order: dict[str, Any], *, just_paid: bool) -> Purchase:
    items = [item for item in order["line_items"] if item["product_id"] and shopify_revenue.is_bought(item)]
    customer = order["customer"] or {}
    status = order["financial_status"]
    return Purchase(
        order_id=order["id"],
        created_at=_placed_at(order),
        payment=PAYMENT.get(status, Payment.PLACED),
        visitor=Visitor(order["note_attributes"] or {}, customer.get("id"), is_internal=bool(order["test"])),
        lines=tuple(map(line_of, items)),
        revenue=shopify_revenue.of_order(order),
        fields=present(locale=order["customer_locale"], currency=order["currency"]),
        status=status,
        paid_at=_paid_at(order["transactions"]) if order["transactions"] else None,
        just_paid=just_paid and not _is_imported(order),
        channel=Channel.B2B if order["company"] is not None else CHANNELS.get(order["source_name"]),
        is_test=bool(order["test"]),
        is_renewal=order["source_name"] in RENEWAL_CHANNELS or RENEWAL_TAG in order["tags"].lower(),
        checkout_token=order["checkout_token"] or "",
        remark="" if status in PAYMENT else "Shopify's payment status is not a known one, and counts as placed.",
    )


def _placed_at(order: dict[str, Any]) -> datetime:
    """Return when the order was placed: of an imported one, `created_at` is only the time of the import."""
    placed: datetime = min(order["created_at"], order["processed_at"] or order["created_at"])
    return placed


def _paid_at(transactions: list[dict[str, Any]]) -> datetime | None:
    """Return when the first payment succeeded: a later one may be the balance of an edit."""
    times = [each["processed_at"] or each["processed_at_of_graphql"] for each in transactions if _is_payment(each)]
    return min(filter(None, times), default=None)


def _is_payment(transaction: dict[str, Any]) -> bool:
    return transaction["kind"] in PAYMENTS and transaction["status"] == "success"


def _is_imported(order: dict[str, Any]) -> bool:
    return bool((order["created_at"] - _placed_at(order)).total_seconds() > IMPORTED)


class GlobalId(Id):
    """An id that may come as gid://shopify/Product/1, as https://shopify.dev/docs/api/usage/gids writes them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        bare = GID.sub("", value).partition("?")[0] if isinstance(value, str) else value
        return super()._deserialize(bare, *args, **kwargs)


def proxied(schema: type[BrowsingSchema]) -> BrowsingSchema:
    """Return a schema for an event that came through the App Proxy.

    The customer is read from the parameter that the proxy signs, never from what the page sends; ids may be global ids.
    """
    own: dict[str, fields.Field[Any]] = {"customer_id": GlobalId(data_key="logged_in_customer_id", load_default=None)}
    if PRODUCT_KEY in schema.event.values:
        own |= {"product_id": GlobalId(required=True), "variant_id": GlobalId(load_default=None, odd="")}
    proxied_schema = cast("type[BrowsingSchema]", schema.from_dict(own, name=f"Proxied{schema.__name__}"))
    proxied_schema.shape = PROXIED
    return proxied_schema()
