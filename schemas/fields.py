"""Fields that schemas of several platforms use: ids as text, amounts as Decimal, times as aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import ValidationError, fields

# No price is larger; the limit also prevents a hostile exponent from expanding to gigabytes of digits.
LARGEST_AMOUNT = Decimal(10) ** 15
MOST_DECIMALS = 12  # further digits are rounding errors of binary fractions
LONGEST_ID = 128
LONGEST_AMOUNT = 100  # characters of a text; what is longer is no amount, and would take long to read
LONGEST_TEXT = 255  # of what becomes a part of a product key
LONGEST_ATTRIBUTE = 1000
MOST_FAULTS = 10  # of one list that are reported
_BEYOND_NUMBERS = Decimal("Infinity")  # a JSON number that no type holds


class Id(fields.Field[str | None]):
    """An identifier as text, of any size; null, "" and 0 mean none, which is an error where the id is required."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValidationError("is not an id: expected a whole number or text")
        text = str(value).strip()
        if len(text) > LONGEST_ID:
            raise ValidationError(f"is not an id: longer than {LONGEST_ID} characters")
        if _writable(text) not in ("", "0"):
            return text
        if self.required:
            raise ValidationError("is empty")
        return None


class Text(fields.String):
    """A text that can be stored and sent: without lone surrogates and NUL characters.

    An optional one that is longer than `longest` counts as empty, or is cut there; a required one has a validator.
    """

    def __init__(self, *, longest: int = LONGEST_TEXT, cut: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest, self.cut = longest, cut

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        if len(text) > self.longest and not self.required:
            text = text[: self.longest] if self.cut else ""
        return _writable(text)


class Label(fields.Field[str]):
    """A short text such as a SKU; numbers are accepted, since some plugins write them. One too long counts as empty."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal) or value == _BEYOND_NUMBERS:
            raise ValidationError("is not text")
        text = str(value).strip()
        return _writable(text) if len(text) <= LONGEST_TEXT else ""


class Rows(fields.List[Any]):
    """A list of at most `most` entries; reading it stops at the tenth invalid one."""

    def __init__(self, entry: Any, *, most: int, **kwargs: Any) -> None:
        super().__init__(entry, **kwargs)
        self.most = most

    def _deserialize(self, value: Any, *_args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self.most:
            raise ValidationError(f"has more than {self.most} entries")
        rows: list[Any] = []
        faults: dict[int, Any] = {}
        for number, entry in enumerate(value):
            try:
                rows.append(self.inner.deserialize(entry, **kwargs))
            except ValidationError as error:
                rows += [] if error.valid_data is None else [error.valid_data]
                faults[number] = error.messages
                if len(faults) == MOST_FAULTS:
                    break
        if faults:
            raise ValidationError(faults, valid_data=rows)
        return rows


class Money(fields.Field[Decimal]):
    """An exact amount, from text or from a JSON number, which was parsed as Decimal."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise ValidationError("is not an amount")
        return _amount(value)


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("contains an incomplete character (a lone surrogate)") from None
    if "\0" in text:
        raise ValidationError("contains a NUL character")  # PostgreSQL cannot store it
    return text


def _amount(value: int | str | Decimal) -> Decimal:
    if isinstance(value, str) and len(value) > LONGEST_AMOUNT:
        raise ValidationError("is not an amount")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise ValidationError("is not an amount") from None
    if not amount.is_finite() or amount.copy_abs() > LARGEST_AMOUNT:
        raise ValidationError(f"is not an amount of at most {LARGEST_AMOUNT:.0e}")
    return amount if int(amount.as_tuple().exponent) >= -MOST_DECIMALS else round(amount, MOST_DECIMALS)


class Moment(fields.Field[datetime]):
    """A time in ISO 8601 as an aware datetime in UTC, which is also assumed where no offset is given."""

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
    """A list of `{name: ..., value: ...}` as a mapping; only text, cut where it is long, and integers are taken.

    Of several with one name the last wins.
    """

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
        return (name, text[:LONGEST_ATTRIBUTE]) if isinstance(name, str) and isinstance(text, str) else None
