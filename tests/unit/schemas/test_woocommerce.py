"""Payloads of WooCommerce: edge cases that no fixture covers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import ValidationError

from schemas import woocommerce
from schemas.events import Ignored, Line, Payment, Purchase, Reason

if TYPE_CHECKING:
    from schemas.base import PlatformSchema

WOOCOMMERCE_LINE = {"product_id": 11, "variation_id": 0, "sku": "MUG", "total": "10.00"}
WOOCOMMERCE_ORDER = {"id": 1, "status": "processing", "date_created_gmt": "2026-11-23T12:00:00", "line_items": []}


def complaint(schema: PlatformSchema, payload: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        schema.translate(payload)
    return error.value.messages


def woocommerce_order(**changed: Any) -> Any:
    return woocommerce.OrderSchema().translate({**WOOCOMMERCE_ORDER, **changed})


def woocommerce_lines(*lines: dict[str, Any]) -> Any:
    return woocommerce_order(line_items=[{**WOOCOMMERCE_LINE, **line} for line in lines])


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("checkout-draft", Reason.DRAFT),
        ("auto-draft", Reason.DRAFT),
        ("draft", Reason.DRAFT),
        ("failed", Reason.FAILED),
        ("cancelled", Reason.CANCELLED),
        ("refunded", Reason.REFUNDED),
        ("trash", Reason.DELETED),
        ("pending", Reason.PENDING),
        ("wc-wc-pending", Reason.PENDING),
        ("CANCELLED", Reason.CANCELLED),
        ("Canceled", Reason.CANCELLED),
        ("cancelled,cancelled", Reason.CANCELLED),
        ("CheckoutDraft", Reason.DRAFT),
        ("ywraq-new", Reason.QUOTE),
        ("pending-cancel", Reason.NOT_AN_ORDER),
    ],
)
def test_woocommerce_no_purchase(status: str, reason: Reason) -> None:
    """A status that is no purchase is ignored by name, also where the order has no date yet."""
    assert woocommerce_order(status=status, date_created_gmt=None).reason is reason


@pytest.mark.parametrize(
    ("status", "paid", "payment"),
    [
        ("wc-on-hold", None, Payment.PLACED),
        ("ON_HOLD", None, Payment.PLACED),
        ("Completed", None, Payment.PAID),
        ("on-hold", None, Payment.PLACED),
        ("processing", None, Payment.PLACED),
        ("processing", "2026-11-23T12:00:00", Payment.PAID),
        ("completed", None, Payment.PAID),
        ("packed-by-elves", None, Payment.PLACED),
    ],
)
def test_woocommerce_payment(status: str, paid: str | None, payment: Payment) -> None:
    """Status and date of payment are the payment status; a shop's own status counts as placed."""
    assert woocommerce_order(status=status, date_paid_gmt=paid).payment is payment


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("woocommerce_rest_cannot_view", "the user of the webhook may not read orders"),
        ("woocommerce_rest_shop_order_invalid_id", "the order was gone"),
        ("some_other_code", "the error some_other_code instead"),
        ("jan@example.test", "the error unknown instead"),
        ("x" * 81, "the error unknown instead"),
        (404, "the error unknown instead"),
        (None, "the error unknown instead"),
        ([], "the error unknown instead"),
    ],
)
def test_woocommerce_signed_error(code: Any, sentence: str) -> None:
    """An error in an order's place is ignored by its code, and what is no code is not repeated."""
    ignored = woocommerce.OrderSchema().translate({"code": code, "message": "jan@example.test"})
    assert (ignored.reason, sentence in ignored.detail) == (Reason.PLATFORM_ERROR, True)  # type: ignore[union-attr]


def test_woocommerce_order_with_a_code_is_an_order() -> None:
    """A plugin that adds a field called code does not turn an order into an error."""
    assert isinstance(woocommerce_order(code="x"), Purchase)


@pytest.mark.parametrize("absent", [{"date_created_gmt": None}, {"date_created_gmt": "soon"}])
def test_woocommerce_purchase_has_a_date(absent: dict[str, Any]) -> None:
    """Without its date, an order cannot be distinguished from an edit of an old one."""
    assert list(complaint(woocommerce.OrderSchema(), {**WOOCOMMERCE_ORDER, **absent})) == ["date_created_gmt"]


@pytest.mark.parametrize(
    "line",
    [
        {"bundled_by": "12"},
        {"bundled_by": 12},
        {"composite_parent": "12"},
        {"meta_data": [{"key": "_bundled_by", "value": "abc"}]},
        {"meta_data": [{"key": "_composite_parent", "value": "abc"}]},
        {"meta_data": [{"key": "_mnm_container", "value": "abc"}]},
    ],
)
def test_woocommerce_part_of_bundle(line: dict[str, Any]) -> None:
    """A bundle's part carries money and is no product of its own."""
    assert woocommerce_lines(line).lines[0].container is not None


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"bundled_by": ""},
        {"bundled_by": None, "composite_parent": None, "meta_data": None},
        {"bundled_items": ["3", "4"]},
        {"meta_data": [{"key": "_mnm_container", "value": ""}]},
        {"meta_data": [{"key": "colour", "value": "_bundled_by"}]},
    ],
)
def test_woocommerce_not_part_of_bundle(line: dict[str, Any]) -> None:
    """A plain line, or the bundle itself, is a product."""
    assert woocommerce_lines(line).lines[0].container is None


@pytest.mark.parametrize(("variation", "text"), [(16, "16"), (0, "11"), (None, "11")])
def test_woocommerce_variant_falls_back_to_product(variation: Any, text: str) -> None:
    """A product without variations is its own variant."""
    line = woocommerce_lines({"variation_id": variation}).lines[0]
    assert line == Line({"product_id": "11", "variant_id": text, "sku": "MUG"})


@pytest.mark.parametrize(
    ("totals", "revenue"),
    [(["10.10", "0.20"], "10.30"), (["10.10", None], None), (["0.00"], "0.00"), ([Decimal("0.1")] * 3, "0.3")],
)
def test_woocommerce_revenue(totals: list[Any], revenue: str | None) -> None:
    """Revenue is the exact sum of the lines' totals, None if one of them is unknown."""
    order = woocommerce_lines(*({"total": total} for total in totals))
    assert order.revenue == (None if revenue is None else Decimal(revenue))


@pytest.mark.parametrize("deleted", [0, None, ""])
def test_woocommerce_deleted_product_is_no_line(deleted: Any) -> None:
    """A product that was deleted has no id, and its line is left out."""
    assert len(woocommerce_lines({"product_id": deleted}, {}).lines) == 1


@pytest.mark.parametrize(
    ("changed", "messages"),
    [
        ({"status": None}, {"status": ["Field may not be null."]}),
        ({"status": ["pending"]}, {"status": ["is not a status"]}),
        ({"status": " "}, {"status": ["is empty"]}),
        ({"id": 0}, {"id": ["is empty"]}),
        (
            {"line_items": [{"product_id": []}]},
            {"line_items": {0: {"product_id": ["is not an id: expected a whole number or text"]}}},
        ),
    ],
)
def test_woocommerce_odd_field_is_named(changed: dict[str, Any], messages: Any) -> None:
    """A missing or odd field is a fault that names its path."""
    assert complaint(woocommerce.OrderSchema(), {**WOOCOMMERCE_ORDER, **changed}) == messages


@pytest.mark.parametrize(
    "status",
    ["ywraq-new", "wc-ywraq-accepted", "quote", "QUOTE_SENT", "afreg-quote", "Quotation", "rfq", "gplsquote-req"],
)
def test_woocommerce_quote(status: str) -> None:
    """Whatever a plugin calls the status of a request for a quote, it has a word for it."""
    ignored = woocommerce_order(status=status)
    assert isinstance(ignored, Ignored)
    assert ignored.reason is Reason.QUOTE


@pytest.mark.parametrize(
    ("key", "value", "is_renewal"),
    [
        ("_subscription_renewal", "22", True),
        ("_subscription_renewal", "0", False),
        ("is_a_renew", "yes", True),
        ("is_a_renew", "no", False),
        ("wps_sfw_renewal_order", "yes", True),
        ("_subscription_switch", "22", False),
    ],
)
def test_woocommerce_renewal(key: str, value: str, is_renewal: bool) -> None:
    """Each plugin for subscriptions has its own mark."""
    order = woocommerce_order(meta_data=[{"id": 1, "key": key, "value": value}])
    assert isinstance(order, Purchase)
    assert order.is_renewal is is_renewal


@pytest.mark.parametrize(
    "mark", [{"mnm_child_of": 1}, {"meta_data": [{"key": "_yith_wcp_child_component_data_no_reorder", "value": 1}]}]
)
def test_woocommerce_part_of_a_container(mark: dict[str, Any]) -> None:
    """A part has its container; the REST API of Mix and Match writes "" for other lines."""
    line: dict[str, Any] = {"id": 1, "product_id": 11, "quantity": 1, "total": "1.00", "mnm_child_of": ""}
    order = woocommerce_order(line_items=[line, {**line, "id": 2, "product_id": 12, **mark}])
    assert isinstance(order, Purchase)
    assert [item.container is not None for item in order.lines] == [False, True]
