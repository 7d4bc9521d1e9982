"""The fields of calls: how values are written into a body and validated there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, validate

if TYPE_CHECKING:
    FieldOf = fields.Field[Any]

LONGEST_PROFILE_KEY = 128
# Letters, digits and hyphens: https://docs.tweakwise.com (Analytics API, sessionstart).
SESSION_KEY_PATTERN = r"[A-Za-z0-9-]{1,128}"

FILLED = validate.Length(min=1)


class Quantity(fields.Field[Decimal]):
    """A number of products in a call: a whole number where it is one."""

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int | float:
        return int(value) if value == int(value) else float(value)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a valid number.")
        return Decimal(value)


class _Texts(fields.List[str]):
    """A list of texts, none of which is empty; marshmallow reads those that have a fault, and finds it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[str | None]:
        if type(value) is list and all(type(each) is str and each for each in value):
            return value
        return super()._deserialize(value, *args, **kwargs)


def text(*rules: Any, **options: Any) -> FieldOf:
    """Return the field of a text; one that is not empty where there are no `rules`."""
    return fields.String(validate=rules or FILLED, **options)


def texts(**options: Any) -> FieldOf:
    """Return the field of a list of texts."""
    return _Texts(fields.String(validate=FILLED), validate=FILLED, **options)


def amount(**options: Any) -> FieldOf:
    """Return the field of an amount of money."""
    return fields.Float(validate=validate.Range(min=0), **options)


def quantity(**options: Any) -> FieldOf:
    """Return the field of a number of products."""
    return Quantity(validate=validate.Range(min=0, min_inclusive=False), **options)


def profile_key(**options: Any) -> FieldOf:
    """Return the field of a profile key."""
    return text(validate.Length(min=1, max=LONGEST_PROFILE_KEY), **options)


def session_key(**options: Any) -> FieldOf:
    """Return the field of a session key."""
    return text(validate.Regexp(rf"{SESSION_KEY_PATTERN}\Z"), **options)
