"""Privacy duties: wiping or naming what is held of a customer or a shop."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from webhook_app.inbox import retention

if TYPE_CHECKING:
    from schemas.events import Redaction
    from webhook_app.inbox import Delivery, Inbox

NOT_DIGITS = re.compile(r"\D+")
SHOWN = 20


def wipe(inbox: Inbox, delivery: Delivery, subject: Redaction, reason: str) -> str:
    """Wipe what is held of `subject`, apart from `delivery` itself; returns a sentence saying what was wiped."""
    ids = held(inbox, delivery, subject)
    sentence = f"Wiped by delivery {delivery.id}."
    retention.redact(inbox, ids, reason, sentence)
    return f"Wiped {_numbered(ids)}."


def report(inbox: Inbox, delivery: Delivery, subject: Redaction) -> str:
    """Return a sentence naming the deliveries that hold something of `subject`."""
    ids = held(inbox, delivery, subject)
    return f"Holding {_numbered(ids)} of this customer; read them with `show --body` and answer within 30 days."


def held(inbox: Inbox, delivery: Delivery, subject: Redaction) -> list[int]:
    """Return the other deliveries of the shop whose stored body is about `subject`."""
    found = retention.find(inbox, delivery.shop, lambda domain, body: concerns(subject, domain, body))
    return [number for number in found if number != delivery.id]


def concerns(subject: Redaction, domain: str, body: bytes) -> bool:
    """Tell whether a stored body is about `subject`; an app may serve several shops, told apart by their domain."""
    if domain and domain != subject.domain:
        return False
    whole_shop = not (subject.customer_id or subject.order_ids or subject.personal)
    payload = _parsed(body)
    return whole_shop or (isinstance(payload, dict | list) and _mentions(subject, payload))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _mentions(subject: Redaction, payload: Any) -> bool:
    """Look through a payload for the customer, one of the orders, or one of the addresses and numbers."""
    unseen = [payload]
    while unseen:
        node = unseen.pop()
        if isinstance(node, dict) and _is_of(subject, node):
            return True
        inner = node.values() if isinstance(node, dict) else node
        unseen += [item for item in inner if isinstance(item, dict | list)]
    return False


def _is_of(subject: Redaction, node: dict[str, Any]) -> bool:
    customer = node.get("customer")
    numbers = [node.get("customer_id"), customer.get("id") if isinstance(customer, dict) else None]
    orders = [node.get("order_id"), node.get("id") if "line_items" in node else None]
    return (
        _text(subject.customer_id) in [_text(number) for number in numbers if number]
        or any(_text(number) in subject.order_ids for number in orders if number)
        or any(_same(known, value) for known in subject.personal for value in node.values() if isinstance(value, str))
    )


def _text(number: Any) -> str:
    return str(number or "")


def _same(known: str, value: str) -> bool:
    if known.strip().lower() == value.strip().lower():
        return True
    digits = NOT_DIGITS.sub("", known)
    return "@" not in known and bool(digits) and digits == NOT_DIGITS.sub("", value)


def _numbered(ids: list[int]) -> str:
    if not ids:
        return "no deliveries"
    shown = ", ".join(map(str, ids[:SHOWN]))
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{len(ids)} deliver{'y' if len(ids) == 1 else 'ies'} ({shown}{more})"
