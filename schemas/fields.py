"""Fields that several platforms share: ids as text, money as Decimal, times as aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields

# An amount beyond this is no price; it also keeps a hostile exponent from growing into gigabytes of digits.
LARGEST_AMOUNT = Decimal(10) ** 15
MOST_DECIMALS = 12  # beyond them stands only what adding up in binary fractions leaves behind
LONGEST_ID = 128


class Id(fields.Field[str | None]):
    """An identifier as text, whatever its size; null, "" and 0 mean that there is none, which a required id refuses."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValidationError("is not an id: expected a whole number or text")
        text = _writable(str(value).strip())
        if len(text) > LONGEST_ID:
            raise ValidationError(f"is not an id: longer than {LONGEST_ID} characters")
        if text not in ("", "0"):
            return text
        if self.required:
            raise ValidationError("is empty")
        return None


class Text(fields.String):
    """A text that goes out again, which half a character (a lone surrogate) or a NUL cannot."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return _writable(super()._deserialize(value, *args, **kwargs))


class Label(fields.Field[str]):
    """A short text such as a SKU; some plugins write it as a number."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise ValidationError("is not text")
        return _writable(str(value).strip())


class Money(fields.Field[Decimal]):
    """An amount, exact: text or a JSON number, which arrives here as a Decimal."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise ValidationError("is not an amount")
        return _amount(value)


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("is not text: it holds half a character") from None
    if "\0" in text:
        raise ValidationError("is not text: it holds a NUL")  # which PostgreSQL cannot store
    return text


def _amount(value: int | str | Decimal) -> Decimal:
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValidationError("is not an amount") from None
    if not amount.is_finite() or amount.copy_abs() > LARGEST_AMOUNT:
        raise ValidationError("is not an amount a shop could mean")
    return amount if int(amount.as_tuple().exponent) >= -MOST_DECIMALS else round(amount, MOST_DECIMALS)


class Moment(fields.Field[datetime]):
    """A time in ISO 8601 as an aware datetime in UTC; without an offset it is taken as UTC."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("is not a time in ISO 8601")
        try:
            moment = datetime.fromisoformat(value)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("is not a time in ISO 8601") from None


class Attributes(fields.Field[dict[str, str]]):
    """A list of `{name: ..., value: ...}` as a mapping; values that are no text are left out, the last wins."""

    def __init__(self, name: str, value: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name_key, self.value_key = name, value

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dict[str, str]:
        if not isinstance(value, list):
            raise ValidationError("is not a list")
        return dict(pair for item in value if (pair := self._pair(item)))

    def _pair(self, item: Any) -> tuple[str, str] | None:
        if not isinstance(item, dict):
            return None
        name, text = item.get(self.name_key), item.get(self.value_key)
        if isinstance(text, int) and not isinstance(text, bool):
            text = str(text)
        return (name, text) if isinstance(name, str) and isinstance(text, str) else None
