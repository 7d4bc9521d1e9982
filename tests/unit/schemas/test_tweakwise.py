"""The bodies of the Analytics API: names, order and numbers as sent, and no invalid body is ever written."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.tweakwise import BODIES

KEYS = {"profile_key": "abc", "session_key": "visit-1"}
PURCHASE = {"product_keys": ["11", "MUG"], **KEYS}
CART = {"product_key": "11", "quantity": Decimal(1), **KEYS}

WRITTEN: list[tuple[str, dict[str, Any], str]] = [
    (
        "purchase",
        {"session_key": "visit-1", "revenue": Decimal("46.70"), "profile_key": "abc", "product_keys": ("11", "MUG")},
        '{"ProductKeys": ["11", "MUG"], "ProfileKey": "abc", "Revenue": 46.7, "SessionKey": "visit-1"}',
    ),
    (
        "purchase",
        {**PURCHASE, "revenue": Decimal(50), "session_key": None},
        '["11", "MUG"], "ProfileKey": "abc", "Revenue": 50.0}',
    ),
    ("purchase", {**PURCHASE, "revenue": Decimal(0)}, '"Revenue": 0.0, "SessionKey": "visit-1"}'),
    (
        "purchase",
        {**PURCHASE, "revenue": None, "session_key": None},
        '{"ProductKeys": ["11", "MUG"], "ProfileKey": "abc"}',
    ),
    ("search", {"search_term": "mug", **KEYS}, '{"SearchTerm": "mug", "ProfileKey": "abc", "SessionKey": "visit-1"}'),
    ("pageview", {"product_key": "11", **KEYS}, '{"ProductKey": "11", "ProfileKey": "abc", "SessionKey": "visit-1"}'),
    (
        "addtocart",
        {**CART, "quantity": Decimal("2.0"), "total_amount": Decimal("39.90")},
        '{"ProductKey": "11", "Quantity": 2, "TotalAmount": 39.9, "ProfileKey": "abc", "SessionKey": "visit-1"}',
    ),
    ("addtocart", {**CART, "quantity": Decimal("0.5")}, '{"ProductKey": "11", "Quantity": 0.5, "ProfileKey": "abc"'),
    ("addtocart", {**CART, "total_amount": Decimal(0)}, '"TotalAmount": 0.0, "ProfileKey": "abc"'),
    ("sessionstart", KEYS, '{"ProfileKey": "abc", "SessionKey": "visit-1"}'),
    (
        "sessionstart",
        {"source": "mail", **KEYS},
        '{"ProfileKey": "abc", "SessionKey": "visit-1", "Source": "mail"}',
    ),
    (
        "addtowishlist",
        {"product_key": "11", **KEYS},
        '{"ProductKey": "11", "ProfileKey": "abc", "SessionKey": "visit-1"}',
    ),
    ("itemclick", {"request_id": "r", "item_id": "11"}, '{"RequestId": "r", "ItemId": "11"}'),
    (
        "pageimpression",
        {"request_id": "r", **KEYS},
        '{"RequestId": "r", "ProfileKey": "abc", "SessionKey": "visit-1"}',
    ),
    ("sessionstart", {"profile_key": "a", "session_key": "b"}, '{"ProfileKey": "a", "SessionKey": "b"}'),
    ("sessionstart", {"profile_key": "a" * 128, "session_key": "A-9" + "z" * 125}, '"SessionKey": "A-9zz'),
]

WITH_KEYS = [event for event in BODIES if event != "itemclick"]
INVALID: list[tuple[str, dict[str, Any], str]] = [
    *[("purchase", {**PURCHASE, "product_keys": keys}, "ProductKeys") for keys in ([], None, [""], [None])],
    *[("purchase", {**PURCHASE, "revenue": Decimal(amount)}, "Revenue") for amount in ("-0.01", "NaN", "Infinity")],
    *[("search", {**KEYS, "search_term": term}, "SearchTerm") for term in ("", None)],
    *[("pageview", {**KEYS, "product_key": key}, "ProductKey") for key in ("", None)],
    *[("addtocart", {**CART, "product_key": key}, "ProductKey") for key in ("", None)],
    *[("addtocart", {**CART, "quantity": quantity}, "Quantity") for quantity in (Decimal(0), Decimal(-1), None)],
    ("addtocart", {**CART, "total_amount": Decimal("-0.01")}, "TotalAmount"),
    *[(event, {"profile_key": "abc"}, "SessionKey") for event in ("sessionstart", "addtowishlist", "pageimpression")],
    *[("itemclick", {"request_id": "r", "item_id": key}, "ItemId") for key in ("", None)],
    *[("itemclick", {"request_id": key, "item_id": "1"}, "RequestId") for key in ("", None)],
    *[("pageimpression", {**KEYS, "request_id": key}, "RequestId") for key in ("", None)],
    *[("addtowishlist", {**KEYS, "product_key": key}, "ProductKey") for key in ("", None)],
    ("sessionstart", {**KEYS, "source": ""}, "Source"),
    *[(event, {"profile_key": key}, "ProfileKey") for event in WITH_KEYS for key in ("", None, "a" * 129)],
    *[(event, {"session_key": key}, "SessionKey") for event in WITH_KEYS for key in ("", "a_b", "a\n", "a" * 129, "é")],
]


@pytest.mark.parametrize(("event", "values", "text"), WRITTEN)
def test_body_as_sent(event: str, values: dict[str, Any], text: str) -> None:
    """Names and order are the API's, Decimals are numbers, and what is not known is left out."""
    assert text in json.dumps(BODIES[event].write(**values))


@pytest.mark.parametrize(("event", "values", "name"), INVALID)
def test_an_invalid_body_is_never_written(event: str, values: dict[str, Any], name: str) -> None:
    """What the API would refuse is refused here, under the API's name for it."""
    with pytest.raises(ValidationError) as refused:
        BODIES[event].write(**values)
    assert name in refused.value.messages


@pytest.mark.parametrize("event", BODIES)
def test_an_unknown_value_is_an_error(event: str) -> None:
    """A value that the body has no field for is not lost in silence."""
    with pytest.raises(TypeError, match="has no ProfileKey, price"):
        BODIES[event].write(**KEYS, price=1, ProfileKey="abc")


@pytest.mark.parametrize("quantity", ["2", True, None, []])
def test_a_quantity_is_a_number(quantity: Any) -> None:
    """What is not a JSON number is no quantity."""
    assert "Quantity" in BODIES["addtocart"].validate({"ProductKey": "1", "Quantity": quantity, "ProfileKey": "a"})
