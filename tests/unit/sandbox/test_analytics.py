"""The rules of the calls: which bodies are accepted, and how errors are named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from schemas.event_types import EVENT_TYPES
from tests.support.sandbox import (
    PROFILE_KEY,
    PURCHASE,
    VALID,
    client_of,
    events,
    page,
    send,
    send_raw,
    with_field,
)

if TYPE_CHECKING:
    from flask.testing import FlaskClient


@pytest.mark.parametrize("revenue", [0, 12, 0.01, 59.849999999999994])
def test_any_number_from_zero_is_a_revenue(client: FlaskClient, revenue: float) -> None:
    """Whole numbers, zero and the noise of floating point are accepted and come back the same."""
    assert send(client, "purchase", with_field("Revenue", revenue)).status_code == 204
    assert events(client)[0]["body"]["Revenue"] == revenue


def test_revenue_may_be_left_out(client: FlaskClient) -> None:
    """A purchase without Revenue is valid."""
    body = {name: value for name, value in PURCHASE.items() if name != "Revenue"}
    assert send(client, "purchase", body).status_code == 204


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("ProductKeys", {"1": "100012345"}, "object keyed by id"),
        ("ProductKeys", "100012345", "list of text"),
        ("ProductKeys", [], "at least one"),
        ("ProductKeys", ["1", 2], "item 2"),
        ("ProductKeys", [" "], "item 1"),
        ("ProductKeys", None, "null"),
        ("Revenue", "59.90", "JSON number"),
        ("Revenue", True, "JSON number"),
        ("Revenue", -0.01, "at least 0"),
        ("Revenue", 1e16, "at most"),
        ("Revenue", None, "null"),
        ("ProfileKey", 12345, "text"),
        ("ProfileKey", "", "1 to 128"),
        ("ProfileKey", "a" * 129, "1 to 128"),
        ("ProfileKey", "  ", "empty"),
        ("ProfileKey", None, "null"),
        ("SessionKey", "a_b", "letters, digits and hyphens"),
        ("SessionKey", "a-1\n", "letters, digits and hyphens"),
        ("SessionKey", "", "letters, digits and hyphens"),
        ("SessionKey", 1, "text"),
        ("OrderId", "1", "Unknown field"),
        ("productKeys", ["1"], "Unknown field"),
    ],
)
def test_a_faulty_purchase_names_the_field(client: FlaskClient, field: str, value: Any, word: str) -> None:
    """A field of the wrong type or range is answered 400 with a sentence under its name, and is no event."""
    answer = send(client, "purchase", with_field(field, value))
    assert answer.status_code == 400
    faults = answer.get_json()["errors"]
    assert list(faults) == [field]
    assert word in " ".join(faults[field])
    assert events(client) == []


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        ("pageview", "ProductKey", 100012345),
        ("pageview", "ProductKey", ""),
        ("search", "SearchTerm", " "),
        ("search", "SearchTerm", 42),
        ("addtocart", "Quantity", "2"),
        ("addtocart", "TotalAmount", False),
        ("itemclick", "ProfileKey", PROFILE_KEY),
        ("pageimpression", "RequestId", None),
    ],
)
def test_the_other_calls_are_as_strict(client: FlaskClient, event: str, field: str, value: Any) -> None:
    """Types are checked, and a call has only its own fields."""
    answer = send(client, event, {**VALID[event], field: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, [field])


REQUIRED = [
    (event, field)
    for event, body in VALID.items()
    for field in body
    if field not in {value.api for value in EVENT_TYPES[event].optional}
]


@pytest.mark.parametrize(("event", "field"), REQUIRED)
def test_a_missing_field_is_named(client: FlaskClient, event: str, field: str) -> None:
    """Without a field that it needs a call is answered 400 under that field's name."""
    body = {name: value for name, value in VALID[event].items() if name != field}
    answer = send(client, event, body)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, [field])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"Revenue": NaN}',
        b'{"Revenue": Infinity}',
        b'{"Revenue": 1e99999999999999999999}',
        b'{"ProfileKey": "\\ud800"}',
        b"9" * 5000,
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_not_json_is_answered_400(client: FlaskClient, raw: bytes) -> None:
    """Hostile bytes give an error about the body."""
    answer = send_raw(client, raw)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["body"])


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
def test_a_body_that_is_no_object_is_answered_400(client: FlaskClient, body: Any) -> None:
    """JSON that is not an object is refused as a whole."""
    answer = send_raw(client, json.dumps(body).encode())
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["body"])


@pytest.mark.parametrize("exponent", ["999999", "-999999"])
def test_a_hostile_exponent_is_a_fault_of_its_field(client: FlaskClient, exponent: str) -> None:
    """A number with a million digits is refused instead of written out."""
    raw = f'{{"ProductKeys": ["1"], "ProfileKey": "a", "Revenue": 1e{exponent}}}'.encode()
    answer = send_raw(client, raw)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (400, ["Revenue"])


def test_a_thousand_unknown_fields_are_not_all_named(client: FlaskClient) -> None:
    """An answer stays small, whatever the number and length of the faults."""
    answer = send(client, "purchase", {f"{'x' * 500}{number}": 1 for number in range(1000)})
    assert answer.status_code == 400
    assert len(answer.data) < 5_000
    many = send(client, "purchase", {f"unknown{number}": 1 for number in range(1000)})
    assert len(many.get_json()["errors"]) == 20


@pytest.mark.parametrize(
    ("event", "body", "unknown"),
    [
        ("purchase", {"ProductKeys": ["1", "x", "2", "y", "x"], "ProfileKey": "a"}, ["x", "y"]),
        ("purchase", {"ProductKeys": ["1", "2"], "ProfileKey": "a"}, []),
        ("pageview", {"ProductKey": "x", "ProfileKey": "a"}, ["x"]),
        ("itemclick", {"RequestId": "r", "ItemId": "x"}, ["x"]),
        ("search", {"SearchTerm": "x", "ProfileKey": "a"}, []),
    ],
)
def test_products_outside_the_catalogue_are_accepted_and_reported(
    event: str, body: dict[str, Any], unknown: list[str]
) -> None:
    """Like Tweakwise, the sandbox accepts any product key; unknown ones are listed, each once."""
    client = client_of(catalogue=["1", "2"])
    assert send(client, event, body).status_code == 204
    assert events(client)[0]["unknown_products"] == unknown
    assert ("Not in catalogue" in page(client)) == bool(unknown)


def test_without_a_catalogue_no_product_is_unknown(client: FlaskClient) -> None:
    """Without a catalogue nothing is compared."""
    send(client, "purchase", PURCHASE)
    assert events(client)[0]["unknown_products"] == []
