"""Privacy duties: wiping or naming what is held of a customer or a shop."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from schemas.events import Reason
from webhook_app.inbox import retention
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from schemas.events import Redaction
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox

NOT_DIGITS = re.compile(r"\D+")
SHOWN = 20
CUSTOMER_IDS = ("customer_id", "logged_in_customer_id")  # of orders; of what a storefront reports


def wipe(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> str:
    """Wipe what is held of `subject`, apart from `delivery` itself; returns a sentence saying what was wiped."""
    ids = held(inbox, delivery, shop, subject)
    sentence = f"Wiped by delivery {delivery.id}."
    retention.redact(inbox, ids, Reason.REDACTED, sentence)
    return f"Wiped {_numbered(ids)}."


def report(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> str:
    """Return a sentence naming the deliveries that hold something of `subject`."""
    ids = held(inbox, delivery, shop, subject)
    return f"Holding {_numbered(ids)} of this customer; read them with `show --body` and answer within 30 days."


def held(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> list[int]:
    """Return the other deliveries of the shop whose held content is about `subject`."""
    profile_key = (
        derived_key(subject.customer_id, shop.profile_salt) if subject.customer_id and shop.profile_salt else None
    )
    found = retention.find(inbox, shop.name, lambda content: concerns(subject, content, profile_key))
    return [number for number in found if number != delivery.id]


def concerns(subject: Redaction, content: retention.StoredContent, profile_key: str | None = None) -> bool:
    """Tell whether a delivery's content is about `subject`, whose derived profile key is `profile_key`.

    An app may serve several shops, which are told apart by their domain.
    """
    if content.domain and content.domain != subject.domain:
        return False
    whole_shop = not (subject.customer_id or subject.order_ids or subject.personal)
    derived = bool(profile_key and profile_key.encode() in (content.body or b""))
    return whole_shop or derived or _is_counted(subject, content, profile_key) or _is_stored(subject, content.body)


def _is_counted(subject: Redaction, content: retention.StoredContent, profile_key: str | None) -> bool:
    """Look at the call, which outlives the body."""
    order_id = (content.business_key or "").removeprefix("purchase:")
    return order_id in subject.order_ids or bool(profile_key and profile_key in (content.call or ""))


def _is_stored(subject: Redaction, body: bytes | None) -> bool:
    if body is None:
        return False
    try:
        return _mentions(subject, json.loads(body))
    except (ValueError, RecursionError):
        # What cannot be read is searched as text.
        text = body.decode("utf-8", "replace").lower()
        return any(known.strip().lower() in text for known in subject.personal if known.strip())


def _mentions(subject: Redaction, payload: Any) -> bool:
    """Look through a payload for the customer, one of the orders, or one of the addresses and numbers."""
    unseen = [payload]
    while unseen:
        node = unseen.pop()
        if isinstance(node, dict):
            if _is_of(subject, node):
                return True
            unseen += node.values()
        elif isinstance(node, list):
            unseen += node
        elif isinstance(node, str | int) and any(_same(known, str(node)) for known in subject.personal):
            return True
    return False


def _is_of(subject: Redaction, node: dict[str, Any]) -> bool:
    customer = node.get("customer")
    numbers = [*map(node.get, CUSTOMER_IDS), customer.get("id") if isinstance(customer, dict) else None]
    orders = [node.get("order_id"), node.get("id") if "line_items" in node else None]
    return _text(subject.customer_id) in [_text(number) for number in numbers if number] or any(
        _text(number) in subject.order_ids for number in orders if number
    )


def _text(number: Any) -> str:
    return str(number or "")


def _same(known: str, value: str) -> bool:
    wanted = known.strip().lower()
    if wanted and wanted == value.strip().lower():
        return True
    digits = NOT_DIGITS.sub("", known)
    return "@" not in known and bool(digits) and digits == NOT_DIGITS.sub("", value)


def _numbered(ids: list[int]) -> str:
    if not ids:
        return "no deliveries"
    shown = ", ".join(map(str, ids[:SHOWN]))
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"{len(ids)} deliver{'y' if len(ids) == 1 else 'ies'} ({shown}{more})"
