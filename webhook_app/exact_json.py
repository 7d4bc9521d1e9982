"""Parses JSON with exact numbers: int and Decimal, whatever their length and exponent."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

# Stands for a number that no type holds. Fields refuse it; where no field reads it, it changes nothing.
BEYOND_NUMBERS = Decimal("Infinity")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _any_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of more than 18 digits
        return BEYOND_NUMBERS


def _any_int(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:  # more digits than Python converts to an int
        return _any_decimal(text)


# Made once: json.loads would make a decoder for each body.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
# Takes twice as long, and is needed for numbers that hardly any body has.
_TOLERANT = json.JSONDecoder(parse_float=_any_decimal, parse_int=_any_int, parse_constant=_no_constant)


def parse(body: bytes) -> Any:
    """Return the value of a JSON text. Raises ValueError if it is not JSON, and RecursionError if it is too deep."""
    text = body.decode(json.detect_encoding(body), "surrogatepass")
    try:
        return _DECODER.decode(text)
    except (ValueError, ArithmeticError):
        return _TOLERANT.decode(text)
