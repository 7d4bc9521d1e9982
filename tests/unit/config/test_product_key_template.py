"""A shop's product-key template: plain fields, padded numbers, and nothing more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.config import product_key_template
from webhook_app.errors import TemplateError

KNOWN = {*product_key_template.PLATFORM_FIELDS, "store", "market"}
LINE = {"product_id": "42", "variant_id": "43", "sku": "MUG-1", "store": "1", "market": "nl", "locale": "nl-NL"}


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("{product_id}", "42"),
        ("{product_id:}", "42"),
        ("{product_id:d}", "42"),
        ("1{store:04d}{product_id}", "1000142"),
        ("{product_id:01d}", "42"),
        ("{product_id:06d}", "000042"),
        ("{store:012d}", "000000000001"),
        ("{market}_{locale}_{variant_id}", "nl_nl-NL_43"),
        ("{sku}", "MUG-1"),
        ("{sku}-{sku}", "MUG-1-MUG-1"),
        ("{{{product_id}}}", "{42}"),
        ("{{literal}}{product_id}", "{literal}42"),
        ("prijs € {product_id}", "prijs € 42"),
        ("%s{product_id}", "%s42"),
    ],
)
def test_template_is_filled(template: str, key: str) -> None:
    """Fields are replaced, numbers padded with zeros, and everything else is literal."""
    assert product_key_template.parse(template, KNOWN).fill(LINE) == key


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("", "names no field"),
        ("fixed", "names no field"),
        ("{{product_id}}", "names no field"),
        ("{", "is not a template"),
        ("}", "is not a template"),
        ("{product_id", "is not a template"),
        ("product_id}", "is not a template"),
        ("{product_id}}", "is not a template"),
        ("{product_id!}", "is not a template"),
        ("{}", "has an unknown field {}"),
        ("{0}", "has an unknown field {0}"),
        ("{nope}", "has an unknown field {nope}"),
        ("{ product_id }", "has an unknown field { product_id }"),
        ("{product_id.__class__}", "has an unknown field {product_id.__class__}"),
        ("{product_id[0]}", "has an unknown field {product_id[0]}"),
        ("{product_id.__init__.__globals__}", "has an unknown field"),
        ("{product_id!r}", "formats {product_id}"),
        ("{product_id!s:04d}", "formats {product_id}"),
        ("{product_id:>{sku}}", "formats {product_id}"),
        ("{product_id:{sku}}", "formats {product_id}"),
        ("{product_id:4d}", "formats {product_id}"),
        ("{product_id:00d}", "formats {product_id}"),
        ("{product_id:0100d}", "formats {product_id}"),
        ("{product_id:999999999d}", "formats {product_id}"),
        ("{product_id:x}", "formats {product_id}"),
        ("{product_id:>10}", "formats {product_id}"),
        ("{product_id:,}", "formats {product_id}"),
        ("{product_id: d}", "formats {product_id}"),
    ],
)
def test_template_is_refused(template: str, complaint: str) -> None:
    """Attribute access, conversions, alignment, unknown fields and loose braces are faults that name what is wrong."""
    with pytest.raises(TemplateError) as error:
        product_key_template.parse(template, KNOWN)
    assert str(error.value).startswith(complaint)


def test_unknown_field_lists_the_known() -> None:
    """The message for a mistyped field lists the known ones."""
    with pytest.raises(TemplateError, match="known are currency, locale, market, product_id, sku, store"):
        product_key_template.parse("{prodcut_id}", KNOWN)


def test_template_names_its_fields() -> None:
    """A template names the fields that it needs."""
    assert product_key_template.parse("1{store:04d}{product_id}{store}", KNOWN).fields == {"store", "product_id"}


@pytest.mark.parametrize("fields", [{}, {"product_id": "42"}, {"product_id": "42", "sku": ""}])
def test_missing_field_gives_no_key(fields: dict[str, str]) -> None:
    """A line that lacks a field of the template has no key, not half a one."""
    assert product_key_template.parse("{product_id}-{sku}", KNOWN).fill(fields) is None


@pytest.mark.parametrize("value", ["MUG-1", "4 2", "-42", "+42", "4.2", "4_2", "٤٢", "²", "1e3", "0x1f", "9" * 5000])
def test_no_number_where_one_is_asked_for(value: str) -> None:
    """What is not written in plain digits, or in thousands of them, is not padded."""
    assert product_key_template.parse("{sku:04d}", KNOWN).fill({"sku": value}) is None


@pytest.mark.parametrize(("value", "key"), [("7", "0007"), ("0007", "0007"), ("12345", "12345"), ("0", "0000")])
def test_padding_never_cuts(value: str, key: str) -> None:
    """A number is padded up to its width, and longer ones stay whole."""
    assert product_key_template.parse("{store:04d}", KNOWN).fill({"store": value}) == key


def test_values_are_not_templates() -> None:
    """Braces in a value are not replaced."""
    assert product_key_template.parse("{sku}", KNOWN).fill({"sku": "{product_id}"}) == "{product_id}"


@given(st.text(st.sampled_from("{}!:.[]0d product_id")))
def test_any_text_is_a_template_or_a_fault(text: str) -> None:
    """No text raises anything but TemplateError, and what passes can be filled."""
    try:
        template = product_key_template.parse(text, KNOWN)
    except TemplateError as error:
        assert str(error)  # noqa: PT017 - either end is right
    else:
        assert template.fill(dict.fromkeys(KNOWN, "1"))
