"""Masks personal data on the pages: every field that is not known to be harmless, until it is revealed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, is_dataclass
from enum import IntEnum
from typing import Any

MASK = "••••••"
LARGEST = 256 * 1024  # bytes of a body that is shown
# Fields about the order and not about the person, as all platforms name them.
SAFE = re.compile(
    r"id|sku|key|name_of_event|currency|.*_currency|currency_code|.*_id|.*_ids|status|.*_status|price|.*_price|amount"
    r"|total|.*_total|subtotal|.*_tax|tax_.*|rate|quantity|.*_quantity|grams|.*_at|.*_gmt|date_.*|.*_type|type"
    r"|source_name|locale|customer_locale|language|taxes_included|gateway|payment_gateway_names|version|api_client_id"
    r"|order_key_type|parent_.*|product_type|vendor|requires_shipping|gift_card|taxable|test|topic|event|code_type"
    r"|presentment_.*|.*_set|kind|method|payment|product_id|variant_id"
)
# Everything below these fields is about a person, numbers as well.
PERSON = re.compile(
    r"customer|customer_(?!locale).*|.*_customer.*|.*address.*|billing|shipping|client_details|.*phone.*|.*e?mail.*|user_id|.*_ip|.*ip_address|device_id"
    r"|personal|attributes|user_agent|.*browser.*|contact.*|.*first_name|.*last_name|checkout_token|.*token"
)
# Platforms write custom fields as pairs: the name is the merchant's, the value is the visitor's.
PAIR_NAMES = frozenset({"name", "key"})
TYPED = "SearchTerm"  # entered by a visitor


def masked(value: Any) -> Any:
    """Return a JSON value with everything masked that may identify a person."""
    return _masked(value, "", personal=False)


def _masked(value: Any, key: str, *, personal: bool) -> Any:
    personal = personal or bool(PERSON.fullmatch(key.lower()))
    if isinstance(value, dict):
        pair = "value" in value and PAIR_NAMES & set(value)
        return {
            name: item if pair and name in PAIR_NAMES else _masked(item, str(name), personal=personal)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, key, personal=personal) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if personal or (isinstance(value, str) and not SAFE.fullmatch(key.lower())):
        return MASK
    return value


def too_large(raw: bytes) -> str:
    """Return what is shown in place of a body beyond LARGEST, and of what it was translated to."""
    return f"{len(raw)} bytes: too large for this page. The command `show --body` prints it."


def body(raw: bytes, *, revealed: bool) -> str:
    """Return a body as text: unchanged if revealed, otherwise formatted again with its fields masked."""
    if len(raw) > LARGEST:
        return too_large(raw)
    if revealed:
        return raw.decode("utf-8", "replace")
    try:
        return json.dumps(masked(json.loads(raw)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"{len(raw)} bytes that are not JSON. Reveal personal fields to see them."


def event(event: Any, *, revealed: bool) -> str:
    """Return an event (a dataclass of schemas.events) as JSON."""
    value = asdict(event, dict_factory=_named) if is_dataclass(event) and not isinstance(event, type) else event
    plain = json.loads(json.dumps(value, default=_plain))
    return json.dumps(plain if revealed else masked(plain), indent=2, ensure_ascii=False)


def call(text: str, *, revealed: bool) -> str:
    """Return the JSON of a call with indents. It holds keys and amounts; a search term may be a name, and is masked."""
    body = json.loads(text)
    shown = body if revealed else {name: MASK if name == TYPED else value for name, value in body.items()}
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _named(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a dict with the names of IntEnum members, which JSON would write as numbers."""
    return {name: value.name.lower() if isinstance(value, IntEnum) else value for name, value in fields}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
