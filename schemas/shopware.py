"""Messages of a Shopware 6 app: https://developer.shopware.com/docs/guides/plugins/apps/webhook.html .

What an order looks like is in Shopware's source: OrderDefinition, OrderLineItemDefinition, BusinessEventEncoder. The
webhook of an order names neither the customer's id nor whether it was a guest; the Admin API does. `customerNumber` is
a new one for each order of a guest, so nothing is derived from it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import fields

from schemas.base import MOST_LINES, PlatformSchema, present
from schemas.events import Channel, Ignored, Line, Payment, Purchase, Reason, Translation, Visitor
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text
from schemas.order_reference import OrderFields, WrittenRows
from schemas.statuses import Status
from schemas.tolerant import Flag, Part

if TYPE_CHECKING:
    from datetime import datetime

ORDERS = OrderFields(
    marks=frozenset({"orderNumber", "lineItems"}),
    names=("orderNumber",),
    written=WrittenRows("data.payload", kind="entity", order="order", id="primaryKey"),
    changed="updatedAt",
    parts=("transactions",),
    inside="data.payload.order",
)
# Outside ASCII nothing distinguishes them: https://developer.shopware.com/docs/concepts/commerce/checkout-concept/orders.html
PAYMENT = {
    **dict.fromkeys(("", "open", "in-progress", "authorized", "unconfirmed", "reminded"), Payment.PLACED),
    "paid-partially": Payment.PLACED,
    "refunded-partially": Payment.PAID,
    "paid": Payment.PAID,
}
NO_PURCHASE = {
    # Not VOIDED: the order stays, and the customer may pay it in another way.
    "cancelled": Ignored(Reason.FAILED, "The payment was cancelled; the order counts once another one succeeds."),
    "failed": Ignored(Reason.FAILED, "The payment failed; the order counts once another one succeeds."),
    "refunded": Ignored(Reason.REFUNDED, "The order was refunded in full."),
    "chargeback": Ignored(Reason.REFUNDED, "The payment was charged back."),
}
CANCELLED = Ignored(Reason.CANCELLED, "The order was cancelled.")
# Lines that are no product, whatever they refer to: a promotion's product is a line of its own.
NO_PRODUCT = ("promotion", "discount", "credit", "container", "custom")
GROSS, NET = "gross", ("net", "tax-free")
MOST_TRANSACTIONS = 500
MOST_TAXES = 100


class Tax(PlatformSchema):
    """The tax of one rate that a price includes, or to which it comes."""

    tax = Money(required=True)


class Costs(PlatformSchema):
    """What shipping costs: with its taxes where the order's prices are gross."""

    total = Money(data_key="totalPrice", load_default=None)
    taxes = Rows(fields.Nested(Tax), most=MOST_TAXES, data_key="calculatedTaxes", load_default=None)


class LinePayload(PlatformSchema):
    """What the cart knew of a line's product."""

    parent_id = Id(data_key="parentId", load_default=None)
    product_number = Label(data_key="productNumber", load_default=None)


class LineItem(PlatformSchema):
    """One order line; `productId` is the variant's, and null once the product was deleted."""

    type = Status(load_default="")
    product_id = Id(data_key="productId", load_default=None, strict=True)
    referenced_id = Id(data_key="referencedId", load_default=None)
    quantity = Money(load_default=None)
    payload = Part(LinePayload, load_default=None)


class State(PlatformSchema):
    """The state of an order or of a payment."""

    name = Status(data_key="technicalName", load_default="")


class Transaction(PlatformSchema):
    """A payment of an order, or an attempt at one."""

    created_at = Moment(data_key="createdAt", load_default=None)
    state = Part(State, data_key="stateMachineState", load_default=None)


class Customer(PlatformSchema):
    """The account of a customer, which the Admin API adds."""

    guest = Flag(load_default=None)


class OrderCustomer(PlatformSchema):
    """The customer as of the order, with a copy of the account's custom fields."""

    customer_id = Id(data_key="customerId", load_default=None)
    customer = Part(Customer, load_default=None)
    custom_fields = Attributes("name", "value", data_key="customFields", load_default=dict, allow_none=True)


class Currency(PlatformSchema):
    """The currency of an order."""

    iso_code = Text(data_key="isoCode", load_default=None)


class Order(PlatformSchema):
    """An order, as its webhooks and the Admin API have it."""

    id = Id(required=True)
    placed_at = Moment(data_key="orderDateTime", required=True)
    created_by = Id(data_key="createdById", load_default=None)
    sales_channel_id = Id(data_key="salesChannelId", load_default=None)
    language_id = Id(data_key="languageId", load_default=None)
    currency = Part(Currency, load_default=None)
    tax_status = Status(data_key="taxStatus", load_default="")
    amount_net = Money(data_key="amountNet", load_default=None)
    shipping = Part(Costs, data_key="shippingCosts", load_default=None)
    state = Part(State, data_key="stateMachineState", load_default=None)
    transactions = Rows(
        fields.Nested(Transaction), most=MOST_TRANSACTIONS, load_default=list, allow_none=True, odd=list
    )
    customer = Part(OrderCustomer, data_key="orderCustomer", load_default=None)
    custom_fields = Attributes("name", "value", data_key="customFields", load_default=dict, allow_none=True)
    lines = Rows(fields.Nested(LineItem), most=MOST_LINES, data_key="lineItems", required=True)


class Payload(PlatformSchema):
    """What the event is about."""

    order = fields.Nested(Order, required=True)


class Data(PlatformSchema):
    """The event."""

    payload = fields.Nested(Payload, required=True)


class OrderMessage(PlatformSchema):
    """A message about an order, whose state decides, not the topic."""

    just_paid: ClassVar[bool] = False
    data = fields.Nested(Data, required=True)

    def required_names(self) -> frozenset[str]:
        """Return the fields without which there is no event, at any depth."""
        needed = {field.data_key or name for name, field in Order().fields.items() if field.required}
        return frozenset({"data", "payload", "order", *needed})

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase, or the reason why the order is not one."""
        order = loaded["data"]["payload"]["order"]
        status = _payment_state(order["transactions"] or [])
        if _state(order) == "cancelled":
            return CANCELLED
        return NO_PURCHASE.get(status) or _purchase(order, status, just_paid=self.just_paid)


class PaidMessage(OrderMessage):
    """A message that an order was paid just now."""

    just_paid = True


def _state(entry: dict[str, Any]) -> str:
    return str((entry["state"] or {}).get("name", ""))


def _payment_state(transactions: list[dict[str, Any]]) -> str:
    """Return the state of the newest payment: each attempt is one of its own, and their order is not documented."""
    dated: list[tuple[datetime, int]] = [
        (one["created_at"], number) for number, one in enumerate(transactions) if one["created_at"]
    ]
    if len(dated) == len(transactions) and dated:
        return _state(transactions[max(dated)[1]])
    return _state(transactions[-1]) if transactions else ""


def _purchase(order: dict[str, Any], status: str, *, just_paid: bool) -> Purchase:
    currency = (order["currency"] or {}).get("iso_code")
    own = {"sales_channel_id": order["sales_channel_id"], "language_id": order["language_id"]}
    return Purchase(
        order_id=order["id"],
        created_at=order["placed_at"],
        payment=PAYMENT.get(status, Payment.PLACED),
        visitor=_visitor(order),
        lines=tuple(line for item in order["lines"] if (line := _line(item))),
        revenue=_revenue(order),
        fields=present(currency=currency, **own),
        status=status,
        just_paid=just_paid,
        # Set where someone made the order in the administration, which marks it as a manual one.
        channel=Channel.ADMIN if order["created_by"] else None,
        remark="" if status in PAYMENT else "Shopware's payment state is not a known one, and counts as placed.",
    )


def _visitor(order: dict[str, Any]) -> Visitor:
    """Return the visitor; the account's custom fields come first, and only the Admin API knows that it is no guest."""
    customer = order["customer"] or {}
    written = {name: text for name, text in (customer.get("custom_fields") or {}).items() if text.strip()}
    is_account = (customer.get("customer") or {}).get("guest") is False
    return Visitor({**(order["custom_fields"] or {}), **written}, customer.get("customer_id") if is_account else None)


def _line(item: dict[str, Any]) -> Line | None:
    if item["type"] in NO_PRODUCT or (item["quantity"] is not None and item["quantity"] <= 0):
        return None
    product = item["product_id"] or (item["referenced_id"] if item["type"] == "product" else None)
    if not product:
        return None
    payload = item["payload"] or {}
    number, parent = payload.get("product_number"), payload.get("parent_id") or product
    own = present(product_id=product, variant_id=product, parent_id=parent, sku=number, product_number=number)
    return Line(own)


def _revenue(order: dict[str, Any]) -> Decimal | None:
    """Return the order's net amount less net shipping: discounts are lines of their own, which the amount includes."""
    shipping = _net_shipping(order["shipping"] or {}, order["tax_status"])
    return None if order["amount_net"] is None or shipping is None else order["amount_net"] - shipping


def _net_shipping(costs: dict[str, Any], tax_status: str) -> Decimal | None:
    """Return what shipping costs without tax, None where that is unknown."""
    total: Decimal | None = costs.get("total")
    if total is None or total == 0 or tax_status in NET:
        return total
    if tax_status != GROSS or costs.get("taxes") is None:
        return None
    return total - sum((part["tax"] for part in costs["taxes"]), Decimal(0))
