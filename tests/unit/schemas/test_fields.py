"""The values that fields of schemas accept and refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import Schema, ValidationError

from schemas import shopify, woocommerce
from schemas.fields import Attributes, Id, Label, Moment, Money, Rows, Text

if TYPE_CHECKING:
    from marshmallow.fields import Field

    from schemas.tolerant import Tolerant

LONE_SURROGATE = "\ud83d"
ABSENT = "absent"
SHOPIFY_ORDER = {"id": 1, "created_at": "2026-11-23T12:00:00+01:00", "taxes_included": False, "line_items": []}
WOOCOMMERCE_ORDER = {"id": 1, "status": "processing", "date_created_gmt": "2026-11-23T12:00:00", "line_items": []}


def refused(field: Tolerant, value: Any) -> Any:
    """Return what a field complains of where it is needed; otherwise the value counts as absent."""
    if not field.required:
        field.strict, field.load_default = False, ABSENT
        assert field.deserialize(value) is ABSENT
        field.strict = True
    with pytest.raises(ValidationError) as error:
        field.deserialize(value)
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
        ("undefined", None),
        (" null ", None),
        ("[object Object]", None),
        ("undefined-1", "undefined-1"),
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


def test_a_required_id_is_no_placeholder() -> None:
    """Otherwise the second order of a sender that has no number would count as the first one once more."""
    assert refused(Id(required=True), "undefined") == ["is a placeholder, such as undefined"]


@pytest.mark.parametrize(("value", "text"), [(4711, "4711"), (0, "0"), (-1, "-1"), ("a", "a")])
def test_a_key_may_be_a_number(value: Any, text: str) -> None:
    """Where a text stands for a key, a whole number is one too."""
    assert Text(numbers=True).deserialize(value) == text


@pytest.mark.parametrize("value", [True, Decimal("1.5"), 10**128, [], {}])
def test_other_values_are_no_key(value: Any) -> None:
    """They count as absent, and as a fault where the key is needed."""
    assert Text(numbers=True, load_default="").deserialize(value) == ""
    assert refused(Text(numbers=True, required=True), value) == ["Not a valid string."]


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
def test_half_a_character_is_refused(field: Tolerant, value: str) -> None:
    """A lone surrogate cannot be written as UTF-8, so it never gets as far as a key."""
    assert refused(field, value) == ["contains an incomplete character (a lone surrogate)"]


@pytest.mark.parametrize("field", [Id(), Label(), Text()], ids=["Id", "Label", "Text"])
@pytest.mark.parametrize("value", ["a\0b", "\0"])
def test_nul_is_refused(field: Tolerant, value: str) -> None:
    """PostgreSQL's text cannot hold a NUL, so it never gets as far as the inbox."""
    assert refused(field, value) == ["contains a NUL character"]


@pytest.mark.parametrize("field", [Id(), Label(), Text()], ids=["Id", "Label", "Text"])
@pytest.mark.parametrize("value", ["🎁", "é", "٣"])
def test_whole_characters_pass(field: Field[Any], value: str) -> None:
    """Text beyond ASCII is text."""
    assert field.deserialize(value) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [("MUG ", "MUG"), (12, "12"), (0, "0"), (Decimal("12.50"), "12.50"), ("", ""), ("undefined", ""), ("NaN", "")],
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
        ("2026-11-23 11:59:31 UTC", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        ("2026-11-23 12:59:31 +0100", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        (1795435171, datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        ("1795435171", datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
        (1795435171000, datetime(2026, 11, 23, 11, 59, 31, tzinfo=UTC)),
    ],
)
def test_moment_in_utc(value: Any, moment: datetime) -> None:
    """A time becomes an aware time in UTC, and UTC is taken where no offset is written."""
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
        5,
        10**14,
        Decimal("1E+999"),
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
        ({}, {}),
        ({"a": "1", "b": 2, "c": None}, {"a": "1", "b": "2"}),
        ({"0": {"name": "a", "value": "1"}, "2": {"name": "b", "value": "2"}}, {"a": "1", "b": "2"}),
    ],
    ids=[
        *("none", "texts and numbers", "last wins", "no text", "no name", "no objects"),
        *("no names", "object of names", "list with a hole"),
    ],
)
def test_attributes_as_mapping(value: Any, mapping: dict[str, str]) -> None:
    """A list of names and values is a mapping; what is no name and text is left out."""
    assert Attributes("name", "value").deserialize(value) == mapping


@pytest.mark.parametrize("value", ["a", 1, True])
def test_attributes_are_a_list(value: Any) -> None:
    """Anything but a list or an object is refused."""
    assert refused(Attributes("name", "value"), value) == ["is not a list"]


@pytest.mark.parametrize("schema", [shopify.OrderSchema(), woocommerce.OrderSchema()])
def test_unknown_fields_are_ignored(schema: Schema) -> None:
    """Platforms add fields without asking."""
    payload = {**SHOPIFY_ORDER, **WOOCOMMERCE_ORDER, "added_tomorrow": {"a": [1]}}
    assert "added_tomorrow" not in schema.load(payload)


@pytest.mark.parametrize(
    ("value", "rows"),
    [([1, 2], ["1", "2"]), ({"0": 1, "2": 2}, ["1", "2"]), ({}, [])],
)
def test_a_list_with_a_hole_is_an_object(value: Any, rows: list[str]) -> None:
    """PHP writes a list from which an entry was taken as an object; its values are the list."""
    assert Rows(Id(), most=5).deserialize(value) == rows


@pytest.mark.parametrize("value", [{"a": 1}, {"0": 1, "a": 2}, "1"])
def test_an_object_with_names_is_no_list(value: Any) -> None:
    """An object is a list only if each of its names is a number."""
    assert refused(Rows(Id(), most=5), value) == ["Not a valid list."]
