"""Fields that schemas of several platforms use: ids as text, amounts as Decimal, times as aware UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from schemas.base import how_to_read
from schemas.tolerant import Tolerant

if TYPE_CHECKING:
    from collections.abc import Callable

# No price is larger; the limit also prevents a hostile exponent from expanding to gigabytes of digits.
LARGEST_AMOUNT = Decimal(10) ** 15
MOST_DECIMALS = 12  # further digits are rounding errors of binary fractions
LONGEST_ID = 128
LARGEST_ID = 10**LONGEST_ID
# What programs write for a value that they do not have: JavaScript, PHP, Python, Ruby.
NOT_A_VALUE = frozenset(
    {"undefined", "null", "NaN", "None", "nil", "true", "false", "True", "False", "[object Object]", "Array"}
)
NO_ID = frozenset({"", "0"}) | NOT_A_VALUE
SHORT_AMOUNT = 16  # characters of a text that is remembered: "0.00" comes often
LARGE_COUNT = 1000  # a whole number below it is remembered: most quantities are
LONGEST_AMOUNT = 100  # characters of a text; what is longer is no amount, and would take long to read
LONGEST_TEXT = 255  # of what becomes a part of a product key
LONGEST_ATTRIBUTE = 1000
MOST_FAULTS = 10  # of one list that are reported
# Numbers that are a time: from 1973 on in seconds, and in milliseconds.
EARLIEST, FIRST_MILLISECOND, LATEST = 10**8, 10**11, 10**14
ZONE = re.compile(r" ?(?:UTC|GMT| ([+-][0-9]{2}:?[0-9]{2}))\Z", re.IGNORECASE)
INDEX = re.compile(r"[0-9]{1,9}")  # a key of what PHP would have written as a list
_BEYOND_NUMBERS = Decimal("Infinity")  # a JSON number that no type holds


class Id(Tolerant):
    """An identifier as text, of any size; null, "", 0 and placeholders mean none, an error where the id is required."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str | None:
        if type(value) is int and 0 < value < LARGEST_ID:
            return str(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValidationError("is not an id: expected a whole number or text")
        text = str(value).strip()
        if len(text) > LONGEST_ID:
            raise ValidationError(f"is not an id: longer than {LONGEST_ID} characters")
        if _writable(text) not in NO_ID:
            return text
        if self.required:
            raise ValidationError("is a placeholder, such as undefined" if text in NOT_A_VALUE else "is empty")
        return None


class Text(Tolerant, fields.String):
    """A text that can be stored and sent: without lone surrogates and NUL characters.

    An optional one that is longer than `longest` counts as empty, or is cut there; a required one has a validator.
    With `numbers` a whole number is text too.
    """

    def __init__(self, *, longest: int = LONGEST_TEXT, cut: bool = False, numbers: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest, self.cut, self.numbers = longest, cut, numbers

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if type(value) is str:
            text = value
        elif self.numbers and type(value) is int and abs(value) < LARGEST_ID:
            text = str(value)
        else:
            text = super()._deserialize(value, *args, **kwargs)
        if len(text) > self.longest and not self.required:
            text = text[: self.longest] if self.cut else ""
        return _writable(text)


class Label(Tolerant):
    """A short text such as a SKU, or a number, as some plugins write it.

    One too long and what programs write for no value count as empty.
    """

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> str:
        if type(value) is not str and not _is_number(value):
            raise ValidationError("is not text")
        text = str(value).strip()
        return _writable(text) if len(text) <= LONGEST_TEXT and text not in NOT_A_VALUE else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and value != _BEYOND_NUMBERS


class Rows(Tolerant, fields.List[Any]):
    """A list of at most `most` entries; reading it stops at the tenth invalid one."""

    def __init__(self, entry: Any, *, most: int, **kwargs: Any) -> None:
        super().__init__(entry, **kwargs)
        self.most = most
        self._reading: tuple[Any, Callable[[Any, str, Any], Any]] | None = None  # of `inner`, which binding replaces

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> list[Any]:
        value = listed(value)
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self.most:
            raise ValidationError(f"has more than {self.most} entries")
        rows: list[Any] = []
        faults: dict[int, Any] = {}
        read = self._read_entry()
        for number, entry in enumerate(value):
            try:
                rows.append(self.inner.deserialize(entry) if entry is None else read(entry, "", None))
            except ValidationError as error:
                rows += [] if error.valid_data is None else [error.valid_data]
                faults[number] = error.messages
                if len(faults) == MOST_FAULTS:
                    break
        if faults:
            raise ValidationError(faults, valid_data=rows)
        return rows

    def _read_entry(self) -> Callable[[Any, str, Any], Any]:
        """Return the fast way to read one entry, unless an odd one has a value of its own."""
        if self._reading is None or self._reading[0] is not self.inner:
            is_tolerant = isinstance(self.inner, Tolerant) and self.inner.tolerates
            read = self.inner.deserialize if is_tolerant else how_to_read(self.inner)[1]
            self._reading = self.inner, read
        return self._reading[1]


def listed(value: Any) -> Any:
    """Return the list that PHP wrote as an object, because entries are missing from it; anything else unchanged.

    https://www.php.net/manual/en/function.json-encode.php ("Non-sequential array")
    """
    if isinstance(value, dict) and all(map(INDEX.fullmatch, value)):
        return list(value.values())
    return value


class Money(Tolerant):
    """An exact amount, from text or from a JSON number, which was parsed as Decimal."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if type(value) is str:
            return _usual_amount(value) if len(value) <= SHORT_AMOUNT else _amount(value)
        if type(value) is int and 0 <= value < LARGE_COUNT:
            return _usual_amount(value)
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


@lru_cache(maxsize=2048)
def _usual_amount(value: int | str) -> Decimal:
    return _amount(value)


class Moment(Tolerant):
    """A time as an aware datetime in UTC, which is also assumed where no offset is given.

    Read are ISO 8601, `2026-11-26 01:00:00 UTC` and `... +0100`, and seconds or milliseconds since 1970.
    """

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> datetime:
        try:
            moment = _moment(value)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, ArithmeticError):
            raise ValidationError("is not a time in ISO 8601") from None


def _written_moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(ZONE.sub(lambda zone: zone[1] or "+00:00", text))


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and not value.isdigit():
        return _written_moment(value.strip())
    if isinstance(value, bool) or not EARLIEST <= (number := float(value)) < LATEST:
        raise ValueError(value)
    return datetime.fromtimestamp(number if number < FIRST_MILLISECOND else number / 1000, UTC)


class Attributes(Tolerant):
    """A list of `{name: ..., value: ...}` as a mapping; only text, cut where it is long, and integers are taken.

    An object of names and values is read too: Shopify's cart API writes attributes that way. Of several with one name
    the last wins.
    """

    def __init__(self, name: str, value: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name_key, self.value_key = name, value

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> dict[str, str]:
        value = listed(value)
        if isinstance(value, dict):
            value = [{self.name_key: name, self.value_key: text} for name, text in value.items()]
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
