"""The rules of the eight Analytics calls: bytes in, a valid body or errors by field out; no HTTP and no state."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from marshmallow import Schema, ValidationError, fields, validate

from schemas.event_types import (
    EVENT_TYPES,
    PRODUCT_KEYS,
    PROFILE_KEY,
    QUANTITY,
    REVENUE,
    SESSION_KEY,
    TOTAL_AMOUNT,
    product_keys_of,
)
from webhook_app.errors import UnreadableBodyError
from webhook_app.sandbox.personal_data import looks_personal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from schemas.event_types import EventType

Body: TypeAlias = dict[str, Any]
Faults: TypeAlias = dict[str, list[str]]

LONGEST_PROFILE_KEY = 128
INSTANCE_KEY = re.compile(r"[A-Za-z0-9]{8}")
# Limits that no price reaches; without them, a hostile exponent could become gigabytes of digits.
LARGEST_NUMBER = Decimal(10) ** 15
FINEST_EXPONENT = -30
# A body of a megabyte can have 100,000 unknown fields: the answer names only the first.
MOST_FAULTS = 20
LONGEST_NAME = 60

MESSAGES: dict[str, Any] = {
    "required": "This field is required.",
    "null": "Must not be null.",
    "invalid": "Must be text, not a number, list or object.",
    "unknown": "Unknown field: this call does not have it.",
    "type": "The body must be a JSON object.",
}


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be empty.")


def _not_personal(text: str) -> None:
    if looks_personal(text):
        raise ValidationError(
            "Looks like an e-mail address or a phone number; a profile key is an id or a hash, never personal data."
        )


def _text(*rules: Any, required: bool = True) -> fields.String:
    return fields.String(required=required, validate=rules or (_not_blank,), error_messages=MESSAGES)


class Number(fields.Field[Decimal]):
    """A JSON number of at least 0; text, true and false are refused."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValidationError("Must be a JSON number; text, true and false are refused.")
        if not 0 <= value <= LARGEST_NUMBER:
            raise ValidationError("Must be a number of at least 0 and at most 1e15.")
        number = Decimal(value)
        if int(number.as_tuple().exponent) < FINEST_EXPONENT:
            raise ValidationError(f"Must have at most {-FINEST_EXPONENT} decimals.")
        return number


class TextList(fields.Field[list[str]]):
    """A non-empty list of text; validation stops at the first error, since a list may have 100,000."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> list[str]:
        if isinstance(value, dict):
            raise ValidationError("Must be a list of text, not an object keyed by id.")
        if not isinstance(value, list) or not value:
            raise ValidationError("Must be a list of text with at least one item.")
        for place, item in enumerate(value, 1):
            if not isinstance(item, str) or not item.strip():
                raise ValidationError(f"Must be a list of text; item {place} is not text or is empty.")
        return value


def _profile_key(*, required: bool) -> fields.String:
    length = validate.Length(1, LONGEST_PROFILE_KEY, error=f"Must have 1 to {LONGEST_PROFILE_KEY} characters.")
    return _text(length, _not_blank, _not_personal, required=required)


def _session_key(*, required: bool) -> fields.String:
    rule = validate.Regexp(r"[A-Za-z0-9-]+\Z", error="Must have only letters, digits and hyphens.")
    return _text(rule, required=required)


def _number(*, required: bool) -> Number:
    return Number(required=required, error_messages=MESSAGES)


def _texts(*, required: bool) -> TextList:
    return TextList(required=required, error_messages=MESSAGES)


# How the API checks a value, where that is not as a text. Which values a call has is in the table of events.
RULES: dict[str, Callable[..., fields.Field[Any]]] = {
    PRODUCT_KEYS.api: _texts,
    PROFILE_KEY.api: _profile_key,
    SESSION_KEY.api: _session_key,
    REVENUE.api: _number,
    QUANTITY.api: _number,
    TOTAL_AMOUNT.api: _number,
}


def _schema(event: EventType) -> Schema:
    own: dict[str, Any] = {}
    for value in event.values:
        rule: Callable[..., fields.Field[Any]] = RULES.get(value.api, _text)
        own[value.api] = rule(required=value in event.required)
    schema = Schema.from_dict(own, name=event.title)()
    schema.error_messages = {**schema.error_messages, **MESSAGES}
    return schema


SCHEMAS = {event.name: _schema(event) for event in EVENT_TYPES.values()}


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def read_body(raw: bytes) -> Any:
    """Parse the bytes as UTF-8 JSON with every fraction as a Decimal. Raises UnreadableBodyError."""
    try:
        body = json.loads(raw.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
        # The parser accepts an unpaired surrogate, which would fail later when a page shows the text.
        json.dumps(body, ensure_ascii=False, default=str).encode()
    except (ValueError, ArithmeticError, RecursionError):
        raise UnreadableBodyError from None
    return body


def faults_of(event: str, body: Any) -> Faults:
    """Return the errors of this body of this event, sentences by field; empty if it is valid."""
    return first_faults(SCHEMAS[event].validate(body))


def first_faults(found: Mapping[Any, Any]) -> Faults:
    """Return the first of marshmallow's errors as sentences by field, with long field names cut."""
    named = {
        "body" if name == "_schema" else str(name)[:LONGEST_NAME]: found[name] for name in list(found)[:MOST_FAULTS]
    }
    return {name: [str(sentence) for sentence in sentences] for name, sentences in named.items()}


def is_instance_key(text: str, allowed: Collection[str]) -> bool:
    """Return whether the text is a well-formed instance key and, if keys are configured, one of them."""
    return bool(INSTANCE_KEY.fullmatch(text)) and (not allowed or text in allowed)


def unknown_products(body: Mapping[str, Any], catalogue: Collection[str]) -> list[str]:
    """Return the product keys that are not in the catalogue; without a catalogue, none."""
    return [key for key in product_keys_of(body) if key not in catalogue] if catalogue else []
