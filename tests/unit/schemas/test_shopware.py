"""Orders of Shopware: what was measured on a real shop, and what its documentation leaves open."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.events import Channel, Ignored, Payment, Purchase, Reason
from schemas.shopware import ORDERS, OrderMessage
from tests.support.recordings import FOLDER
from webhook_app.translation.translate import parse_json

SCHEMA = OrderMessage()
RECORDED = FOLDER / "shopware"
ADMIN_API = parse_json((RECORDED / "admin-api-search-order.json").read_bytes())["data"]


def order_of(name: str, **changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = parse_json((RECORDED / name / "body.raw").read_bytes())["data"]["payload"]["order"]
    return order | changes


def read(order: dict[str, Any]) -> Any:
    return SCHEMA.translate({"data": {"payload": {"order": order}}})


def test_a_promotion_of_ten_percent() -> None:
    """Two at 19.95 and one at 12.95, less 10 %, with 21 % inside: the discount is a line of its own."""
    event = read(order_of("checkout.order.placed__guest-promotion-ten-percent"))
    assert isinstance(event, Purchase)
    assert event.revenue == Decimal("39.31")
    assert [line.fields["product_number"] for line in event.lines] == ["MUG-BLUE", "TEA-01"]


@pytest.mark.parametrize("order", ADMIN_API, ids=lambda order: order["orderNumber"])
def test_revenue_is_what_the_lines_come_to(order: dict[str, Any]) -> None:
    """The Admin API adds the taxes of each line, which webhooks lack; both ways give the same revenue."""
    event = read(order)
    net = Decimal(0)
    for line in order["lineItems"]:
        taxes = sum((Decimal(tax["tax"]) for tax in line["price"]["calculatedTaxes"]), Decimal(0))
        net += Decimal(line["totalPrice"]) - (taxes if order["taxStatus"] == "gross" else 0)
    assert isinstance(event, Purchase)
    assert event.revenue is not None
    assert abs(event.revenue - net) <= Decimal("0.01") * len(order["lineItems"])


def test_only_the_admin_api_knows_the_customer() -> None:
    """A customer's id counts where the account is no guest's; the customer's number never does."""
    known = {order["orderNumber"]: read(order).visitor.customer_id for order in ADMIN_API}
    guests = {order["orderNumber"]: order["orderCustomer"]["customer"]["guest"] for order in ADMIN_API}
    ids = {order["orderNumber"]: order["orderCustomer"]["customerId"] for order in ADMIN_API}
    assert known == {number: None if guests[number] else ids[number] for number in ids}
    assert read(order_of("checkout.order.placed__cancelled-later")).visitor.customer_id is None


@pytest.mark.parametrize(
    ("order_state", "payment_state", "result"),
    [
        ("open", "open", Payment.PLACED),
        ("in_progress", "authorized", Payment.PLACED),
        ("completed", "open", Payment.PLACED),
        ("open", "paid_partially", Payment.PLACED),
        ("open", "paid", Payment.PAID),
        ("open", "refunded_partially", Payment.PAID),
        ("open", "a_new_state", Payment.PLACED),
        ("open", "refunded", Reason.REFUNDED),
        ("open", "chargeback", Reason.REFUNDED),
        ("open", "failed", Reason.FAILED),
        ("open", "cancelled", Reason.FAILED),
        ("cancelled", "paid", Reason.CANCELLED),
        (None, None, Payment.PLACED),
    ],
)
def test_states(order_state: str | None, payment_state: str | None, result: object) -> None:
    """The states of the order and of its newest payment decide."""
    payments = [{"stateMachineState": {"technicalName": payment_state}}]
    state = {"technicalName": order_state}
    event = read(order_of("checkout.order.placed__tax-free", stateMachineState=state, transactions=payments))
    assert (event.reason if isinstance(event, Ignored) else event.payment) == result


def test_an_order_of_the_administration() -> None:
    """Shopware marks an order that someone made by hand with the user."""
    assert read(order_of("checkout.order.placed__made-in-the-administration")).channel is Channel.ADMIN


def test_an_order_changes_with_its_payments() -> None:
    """`updatedAt` is null until the order's own row changes; payments have rows of their own."""
    body = json.loads((RECORDED / "state_enter.order_transaction.state.refunded/body.raw").read_bytes())
    assert str(ORDERS.changed_at(body)) == "2026-11-26 02:38:15.307000+00:00"
    body["data"]["payload"]["order"]["transactions"] = {"odd": [1]}
    assert ORDERS.changed_at(body) is None


@pytest.mark.parametrize("rate", [None, [], [{}], [{"tax": None}], "odd"])
def test_unknown_taxes_of_shipping(rate: Any) -> None:
    """Without them the revenue of gross prices is unknown, unless shipping costs nothing."""
    costs = {"totalPrice": Decimal("4.95"), "calculatedTaxes": rate}
    known = rate == []
    assert (
        read(order_of("checkout.order.placed__tax-free", taxStatus="gross", shippingCosts=costs)).revenue is None
    ) is not known
    free = {**costs, "totalPrice": 0}
    assert read(order_of("checkout.order.placed__tax-free", taxStatus="gross", shippingCosts=free)).revenue is not None
