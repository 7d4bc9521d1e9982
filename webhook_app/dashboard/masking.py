"""Personal data out of what is shown: what is not known to be harmless is masked, until it is revealed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, is_dataclass
from enum import IntEnum
from typing import Any

MASK = "••••••"
LARGEST = 256 * 1024  # bytes of a body that are shown
# Fields that say something of the order and nothing of the person, in the words of all platforms.
SAFE = re.compile(
    r"id|sku|key|name_of_event|currency|.*_currency|currency_code|.*_id|.*_ids|status|.*_status|price|.*_price|amount"
    r"|total|.*_total|subtotal|.*_tax|tax_.*|rate|quantity|.*_quantity|grams|.*_at|.*_gmt|date_.*|.*_type|type"
    r"|source_name|locale|customer_locale|language|taxes_included|gateway|payment_gateway_names|version|api_client_id"
    r"|order_key_type|parent_.*|product_type|vendor|requires_shipping|gift_card|taxable|test|topic|event|code_type"
    r"|presentment_.*|.*_set|kind|method|payment|product_id|variant_id"
)
# Whatever stands below these is about a person, numbers and all.
PERSON = re.compile(
    r"customer|customer_(?!locale).*|.*_customer.*|.*address.*|billing|shipping|client_details|.*phone.*|.*e?mail.*|user_id|.*_ip|.*ip_address|device_id"
    r"|personal|attributes|user_agent|.*browser.*|contact.*|.*first_name|.*last_name|checkout_token|.*token"
)
# Platforms write a storefront's own fields as pairs; their names are the merchant's, their values the visitor's.
NAMES = frozenset({"name", "key"})
TYPED = "SearchTerm"


def masked(value: Any) -> Any:
    """Return a JSON value with everything masked that may say who somebody is."""
    return _masked(value, "", personal=False)


def _masked(value: Any, key: str, *, personal: bool) -> Any:
    personal = personal or bool(PERSON.fullmatch(key.lower()))
    if isinstance(value, dict):
        pair = "value" in value and NAMES & set(value)
        return {
            name: item if pair and name in NAMES else _masked(item, str(name), personal=personal)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item, key, personal=personal) for item in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if personal or (isinstance(value, str) and not SAFE.fullmatch(key.lower())):
        return MASK
    return value


def body(raw: bytes, *, revealed: bool) -> str:
    """Return a body as text: as it came where it is revealed, otherwise laid out anew with its fields masked."""
    if len(raw) > LARGEST:
        return f"{len(raw)} bytes: too much to show here. `show --body` prints it."
    if revealed:
        return raw.decode("utf-8", "replace")
    try:
        return json.dumps(masked(json.loads(raw)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"{len(raw)} bytes that are not JSON. Reveal them to see them."


def event(event: Any, *, revealed: bool) -> str:
    """Return what a payload means (a dataclass of schemas.events) as text."""
    said = asdict(event, dict_factory=_in_words) if is_dataclass(event) and not isinstance(event, type) else event
    plain = json.loads(json.dumps(said, default=_plain))
    return json.dumps(plain if revealed else masked(plain), indent=2, ensure_ascii=False)


def call(text: str, *, revealed: bool) -> str:
    """Return a call's JSON with lines and indents. It holds keys and amounts; what somebody typed may be a name."""
    body = json.loads(text)
    shown = body if revealed else {name: MASK if name == TYPED else value for name, value in body.items()}
    return json.dumps(shown, indent=2, ensure_ascii=False)


def _in_words(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Name the rungs of a ladder, which JSON would give as numbers."""
    return {name: value.name.lower() if isinstance(value, IntEnum) else value for name, value in fields}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
