"""The values that fields accept and refuse, and edge cases of payloads that no fixture covers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import Schema, ValidationError

from schemas import shopify, woocommerce
from schemas.base import PlatformSchema
from schemas.events import DataRequest, Line, Payment, Purchase, Reason, Redaction
from schemas.fields import Attributes, Id, Label, Moment, Money, Text

if TYPE_CHECKING:
    from marshmallow.fields import Field

LONE_SURROGATE = "\ud83d"
SHOPIFY_LINE = {"product_id": 11, "variant_id": 12, "sku": "MUG", "quantity": 2, "price": "10.00"}
SHOPIFY_ORDER = {"id": 1, "created_at": "2026-11-23T12:00:00+01:00", "taxes_included": False, "line_items": []}
WOOCOMMERCE_LINE = {"product_id": 11, "variation_id": 0, "sku": "MUG", "total": "10.00"}
WOOCOMMERCE_ORDER = {"id": 1, "status": "processing", "date_created_gmt": "2026-11-23T12:00:00", "line_items": []}
CUSTOMER = {"id": 7, "email": "jan@example.test", "phone": "+31612345678"}


def refused(field: Field[Any], value: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        field.deserialize(value)
    return error.value.messages


def shopify_order(**changed: Any) -> Any:
    return shopify.OrderSchema().translate({**SHOPIFY_ORDER, **changed})


def shopify_lines(*lines: dict[str, Any], **changed: Any) -> Any:
    return shopify_order(line_items=[{**SHOPIFY_LINE, **line} for line in lines], **changed)


def woocommerce_order(**changed: Any) -> Any:
    return woocommerce.OrderSchema().translate({**WOOCOMMERCE_ORDER, **changed})


def woocommerce_lines(*lines: dict[str, Any]) -> Any:
    return woocommerce_order(line_items=[{**WOOCOMMERCE_LINE, **line} for line in lines])


def complaint(schema: PlatformSchema, payload: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        schema.translate(payload)
    return error.value.messages


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (6210984337654, "6210984337654"),
        (2**64, "18446744073709551616"),
        ("6210984337654", "6210984337654"),
        (" 12 ", "12"),
        ("gid://shopify/Order/1", "gid://shopify/Order/1"),
        ("007", "007"),
        ("x" * 128, "x" * 128),
        (0, None),
        ("0", None),
        ("", None),
        ("  ", None),
    ],
)
def test_id_as_text(value: Any, text: str | None) -> None:
    """An id is text, exactly as it came; nothing and 0 mean that there is none."""
    assert Id().deserialize(value) == text


@pytest.mark.parametrize("value", [True, False, Decimal("1.0"), Decimal("1E+3"), 1.5, [], {}, [1], b"1"])
def test_id_of_another_kind(value: Any) -> None:
    """What is neither a whole number nor text is no id."""
    assert refused(Id(), value) == ["is not an id: expected a whole number or text"]


@pytest.mark.parametrize("value", ["x" * 129, 10**128])
def test_id_too_long(value: Any) -> None:
    """An id has at most 128 characters."""
    assert refused(Id(), value) == ["is not an id: longer than 128 characters"]


@pytest.mark.parametrize("value", [0, "0", "", " "])
def test_required_id_is_not_empty(value: Any) -> None:
    """Where an id must be, none is a fault."""
    assert refused(Id(required=True), value) == ["is empty"]


@pytest.mark.parametrize("field", [Id(), Label(), Text()], ids=["Id", "Label", "Text"])
@pytest.mark.parametrize("value", [LONE_SURROGATE, f"a{LONE_SURROGATE}b", "\udcff"])
def test_half_a_character_is_refused(field: Field[Any], value: str) -> None:
    """A lone surrogate cannot be written as UTF-8, so it never gets as far as a key."""
    assert refused(field, value) == ["contains an incomplete character (a lone surrogate)"]


@pytest.mark.parametrize("field", [Id(), Label(), Text()], ids=["Id", "Label", "Text"])
@pytest.mark.parametrize("value", ["a\0b", "\0"])
def test_nul_is_refused(field: Field[Any], value: str) -> None:
    """PostgreSQL's text cannot hold a NUL, so it never gets as far as the inbox."""
    assert refused(field, value) == ["contains a NUL character"]


@pytest.mark.parametrize("field", [Id(), Label(), Text()], ids=["Id", "Label", "Text"])
@pytest.mark.parametrize("value", ["🎁", "é", "٣"])
def test_whole_characters_pass(field: Field[Any], value: str) -> None:
    """Text beyond ASCII is text."""
    assert field.deserialize(value) == value


@pytest.mark.parametrize(
    ("value", "text"), [("MUG ", "MUG"), (12, "12"), (0, "0"), (Decimal("12.50"), "12.50"), ("", "")]
)
def test_label_as_text(value: Any, text: str) -> None:
    """A SKU is text, also where a plugin wrote a number."""
    assert Label().deserialize(value) == text


@pytest.mark.parametrize("value", [True, [], {}, 1.5])
def test_label_of_another_kind(value: Any) -> None:
    """What is neither text nor a number is no label."""
    assert refused(Label(), value) == ["is not text"]


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("19.95", "19.95"),
        ("0.00", "0.00"),
        (" 12 ", "12"),
        (3, "3"),
        (Decimal("0.1"), "0.1"),
        ("-4.95", "-4.95"),
        (10**15, "1E15"),
        ("0.000000000001", "1E-12"),
    ],
)
def test_money_is_exact(value: Any, amount: str) -> None:
    """An amount is the Decimal that was written."""
    assert Money().deserialize(value) == Decimal(amount)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (Decimal("0.30000000000000004"), "0.3"),
        (Decimal("999999999999999.00000000000009"), "999999999999999"),
        (Decimal("-1E-999999"), "0"),
        ("1e-13", "0"),
    ],
)
def test_money_has_twelve_decimals(value: Any, amount: str) -> None:
    """What adding up in binary fractions leaves behind is rounded off."""
    assert Money().deserialize(value) == Decimal(amount)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "is not an amount"),
        ("1,50", "is not an amount"),
        ("€ 5", "is not an amount"),
        ("1e99999999999999999999", "is not an amount"),
        (LONE_SURROGATE, "is not an amount"),
        (True, "is not an amount"),
        (1.5, "is not an amount"),
        ([], "is not an amount"),
        ({}, "is not an amount"),
        ("NaN", "is not an amount of at most 1e+15"),
        ("sNaN", "is not an amount of at most 1e+15"),
        ("-Infinity", "is not an amount of at most 1e+15"),
        ("1e16", "is not an amount of at most 1e+15"),
        ("-1e16", "is not an amount of at most 1e+15"),
        (10**4000, "is not an amount of at most 1e+15"),
        (Decimal("1E+999999999"), "is not an amount of at most 1e+15"),
        (Decimal("-1E+999999999"), "is not an amount of at most 1e+15"),
    ],
)
def test_money_that_is_none(value: Any, sentence: str) -> None:
    """What no price could be is refused, however it is written, without growing into digits."""
    assert refused(Money(), value) == [sentence]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-23T12:59:31+01:00", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        ("2026-11-23T11:59:31Z", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        ("2026-11-23T11:59:31", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        ("2026-11-23T11:59:53.182258866Z", datetime(2026, 11, 23, 11, 59, 53, 182258, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
    ids=["offset", "Z", "no offset", "nanoseconds", "day"],
)
def test_moment_in_utc(value: str, moment: datetime) -> None:
    """A time in ISO 8601 becomes an aware time in UTC, and UTC is taken where no offset is written."""
    assert Moment().deserialize(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "23-11-2026",
        "2026-11-23T25:00:00",
        "2026-02-30",
        "2026-11-23T12:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        f"2026-11-23T12:00:00{LONE_SURROGATE}",
        "\x00" * 19,
        1795435171,
        True,
        [],
    ],
)
def test_moment_that_is_none(value: Any) -> None:
    """What is no time, or no time in UTC, is refused."""
    assert refused(Moment(), value) == ["is not a time in ISO 8601"]


@pytest.mark.parametrize(
    ("value", "mapping"),
    [
        ([], {}),
        ([{"name": "a", "value": "1"}, {"name": "b", "value": 2}], {"a": "1", "b": "2"}),
        ([{"name": "a", "value": "1"}, {"name": "a", "value": "2"}], {"a": "2"}),
        ([{"name": "a", "value": None}, {"name": "a", "value": []}, {"name": "a", "value": True}], {}),
        ([{"name": 1, "value": "1"}, {"name": None, "value": "1"}, {"value": "1"}, {"name": "a"}], {}),
        ([None, 1, "a", ["name", "value"]], {}),
    ],
    ids=["none", "texts and numbers", "last wins", "no text", "no name", "no objects"],
)
def test_attributes_as_mapping(value: Any, mapping: dict[str, str]) -> None:
    """A list of names and values is a mapping; what is no name and text is left out."""
    assert Attributes("name", "value").deserialize(value) == mapping


@pytest.mark.parametrize("value", [{}, "a", 1, {"a": "1"}])
def test_attributes_are_a_list(value: Any) -> None:
    """Anything but a list is refused."""
    assert refused(Attributes("name", "value"), value) == ["is not a list"]


@pytest.mark.parametrize("schema", [shopify.OrderSchema(), woocommerce.OrderSchema(), shopify.ShopRedactSchema()])
@pytest.mark.parametrize("payload", [None, [], "order", 1, Decimal("1.5"), True])
def test_payload_is_an_object(schema: PlatformSchema, payload: Any) -> None:
    """A payload of another kind is refused."""
    assert complaint(schema, payload) == ["the payload is not a JSON object"]


def test_to_event_is_required() -> None:
    """A schema without to_event() cannot translate."""
    with pytest.raises(NotImplementedError):
        PlatformSchema().translate({})


@pytest.mark.parametrize(
    ("status", "payment"),
    [
        ("pending", Payment.PENDING),
        ("expired", Payment.PENDING),
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
        ({"quantity": 0, "discount_allocations": []}, "0"),
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
        ({"currency": "\ud800"}, {"currency": ["contains an incomplete character (a lone surrogate)"]}),
        ({"customer_locale": "\ud800"}, {"customer_locale": ["contains an incomplete character (a lone surrogate)"]}),
        ({"customer": [1]}, {"customer": {"_schema": ["Invalid input type."]}}),
        ({"customer": {"id": {}}}, {"customer": {"id": ["is not an id: expected a whole number or text"]}}),
        ({"test": "perhaps"}, {"test": ["Not a valid boolean."]}),
        ({"note_attributes": "x"}, {"note_attributes": ["is not a list"]}),
        ({"line_items": {}}, {"line_items": ["Not a valid list."]}),
        ({"line_items": None}, {"line_items": ["Field may not be null."]}),
        ({"line_items": [1]}, {"line_items": {0: {"_schema": ["Invalid input type."]}}}),
        (
            {"line_items": [SHOPIFY_LINE, {**SHOPIFY_LINE, "price": []}]},
            {"line_items": {1: {"price": ["is not an amount"]}}},
        ),
        (
            {"line_items": [{"discount_allocations": [{}]}]},
            {"line_items": {0: {"discount_allocations": {0: {"amount": ["Missing data for required field."]}}}}},
        ),
        (
            {"line_items": [{"tax_lines": [{"price": None}]}]},
            {"line_items": {0: {"tax_lines": {0: {"price": ["Field may not be null."]}}}}},
        ),
    ],
)
def test_shopify_odd_field_is_named(changed: dict[str, Any], messages: Any) -> None:
    """A missing or odd field is a fault that names its path."""
    assert complaint(shopify.OrderSchema(), {**SHOPIFY_ORDER, **changed}) == messages


def test_all_odd_fields_are_named_together() -> None:
    """All faults of a payload are reported together."""
    assert set(complaint(shopify.OrderSchema(), {"id": []})) == {"id", "created_at", "line_items"}


def test_redact_names_one_customer() -> None:
    """customers/redact is a Redaction with everything that identifies the customer."""
    payload = {"shop_domain": "a.example", "customer": CUSTOMER, "orders_to_redact": [1, "2", 0, ""]}
    personal = frozenset({"jan@example.test", "+31612345678"})
    assert shopify.RedactSchema().translate(payload) == Redaction("a.example", "7", frozenset({"1", "2"}), personal)


def test_data_request_names_one_customer() -> None:
    """customers/data_request is a DataRequest with everything that identifies the customer."""
    payload = {"shop_domain": "a.example", "customer": {"id": 7}, "orders_requested": None}
    assert shopify.DataRequestSchema().translate(payload) == DataRequest(Redaction("a.example", "7"))


@pytest.mark.parametrize("schema", [shopify.RedactSchema(), shopify.DataRequestSchema()])
@pytest.mark.parametrize("customer", [{}, {"id": None, "email": None, "phone": ""}, {"id": 0}])
def test_request_without_a_customer_is_refused(schema: PlatformSchema, customer: dict[str, Any]) -> None:
    """A request that identifies no customer must not erase the whole shop."""
    payload = {"shop_domain": "a.example", "customer": customer, "orders_to_redact": [], "orders_requested": []}
    assert complaint(schema, payload) == {"customer": ["identifies no customer: no id, email, phone or order"]}


def test_shop_redact_names_the_whole_shop() -> None:
    """shop/redact is a Redaction of one domain."""
    assert shopify.ShopRedactSchema().translate({"shop_domain": "a.example"}) == Redaction("a.example")


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
    ],
)
def test_woocommerce_no_purchase(status: str, reason: Reason) -> None:
    """A status that is no purchase is ignored by name, also where the order has no date yet."""
    assert woocommerce_order(status=status, date_created_gmt=None).reason is reason


@pytest.mark.parametrize(
    ("status", "paid", "payment"),
    [
        ("pending", None, Payment.PENDING),
        ("pending", "2026-11-23T12:00:00", Payment.PENDING),
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
    assert woocommerce_lines(line).lines[0].part_of_bundle


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
    assert not woocommerce_lines(line).lines[0].part_of_bundle


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
        ({"status": ["pending"]}, {"status": ["Not a valid string."]}),
        ({"id": 0}, {"id": ["is empty"]}),
        ({"currency": "\ud800"}, {"currency": ["contains an incomplete character (a lone surrogate)"]}),
        ({"customer_id": True}, {"customer_id": ["is not an id: expected a whole number or text"]}),
        ({"meta_data": {"a": 1}}, {"meta_data": ["is not a list"]}),
        ({"line_items": [{"sku": []}]}, {"line_items": {0: {"sku": ["is not text"]}}}),
        ({"line_items": [{"total": "ten"}]}, {"line_items": {0: {"total": ["is not an amount"]}}}),
    ],
)
def test_woocommerce_odd_field_is_named(changed: dict[str, Any], messages: Any) -> None:
    """A missing or odd field is a fault that names its path."""
    assert complaint(woocommerce.OrderSchema(), {**WOOCOMMERCE_ORDER, **changed}) == messages


@pytest.mark.parametrize("schema", [shopify.OrderSchema(), woocommerce.OrderSchema()])
def test_unknown_fields_are_ignored(schema: Schema) -> None:
    """Platforms add fields without asking."""
    payload = {**SHOPIFY_ORDER, **WOOCOMMERCE_ORDER, "added_tomorrow": {"a": [1]}}
    assert "added_tomorrow" not in schema.load(payload)
