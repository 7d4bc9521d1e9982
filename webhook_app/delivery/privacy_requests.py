"""Privacy requests: wipes or lists the stored deliveries about a customer or a shop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from schemas.events import Reason
from webhook_app import exact_json
from webhook_app.inbox import retention
from webhook_app.platforms.address import normal_form
from webhook_app.translation.profile_key import derived_key

if TYPE_CHECKING:
    from schemas.events import Redaction
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Delivery, Inbox

NOT_DIGITS = re.compile(r"\D+")
MAX_LISTED = 20  # numbers of deliveries in a sentence
CUSTOMER_IDS = ("customer_id", "logged_in_customer_id")  # in orders; in storefront events


def wipe(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> str:
    """Wipe all other deliveries about `subject`; returns a sentence that lists them."""
    ids = find_deliveries(inbox, delivery, shop, subject)
    sentence = f"Wiped by delivery {delivery.id}."
    retention.redact(inbox, ids, Reason.REDACTED, sentence)
    return f"Wiped {listed(ids)}."


def report(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> str:
    """Return a sentence that lists the deliveries about `subject`, and what to do with it."""
    ids = find_deliveries(inbox, delivery, shop, subject)
    return f"Found {listed(ids)} about this customer; read them with `show --body` and answer within 30 days."


def find_deliveries(inbox: Inbox, delivery: Delivery, shop: Shop, subject: Redaction) -> list[int]:
    """Return the numbers of the shop's other deliveries whose stored content is about `subject`."""
    profile_key = (
        derived_key(subject.customer_id, shop.profile_salt) if subject.customer_id and shop.profile_salt else None
    )
    pinned = shop.domain == (normal_form(subject.domain),)
    found = retention.find(
        inbox, shop.name, lambda content: is_about(subject, content, profile_key, is_only_address=pinned)
    )
    return [number for number in found if number != delivery.id]


def is_about(
    subject: Redaction,
    content: retention.StoredContent,
    profile_key: str | None = None,
    *,
    is_only_address: bool = False,
) -> bool:
    """Return whether a delivery's content is about `subject`, whose derived profile key is `profile_key`.

    One app may serve several shops; their address distinguishes them. A delivery without one is the whole shop's only
    where no other address may send for it (`is_only_address`).
    """
    if content.domain and normal_form(content.domain) != normal_form(subject.domain):
        return False
    whole_shop = not (subject.customer_id or subject.order_ids or subject.personal)
    if whole_shop:
        return bool(content.domain) or is_only_address
    derived = bool(profile_key and profile_key.encode() in (content.body or b""))
    if derived:
        return True
    return _call_is_about(subject, content, profile_key) or _body_is_about(subject, content.body)


def _call_is_about(subject: Redaction, content: retention.StoredContent, profile_key: str | None) -> bool:
    """Check the call, which is stored longer than the body."""
    order_id = (content.business_key or "").removeprefix("purchase:")
    return order_id in subject.order_ids or bool(profile_key and profile_key in (content.call or ""))


def _body_is_about(subject: Redaction, body: bytes | None) -> bool:
    if body is None:
        return False
    try:
        return _mentions(subject, exact_json.parse(body))
    except (ValueError, RecursionError):
        # A body that is not JSON is searched as text.
        text = body.decode("utf-8", "replace").lower()
        return any(known.strip().lower() in text for known in subject.personal if known.strip())


def _mentions(subject: Redaction, payload: Any) -> bool:
    """Search a payload for the customer, one of the orders, or one of the addresses and phone numbers."""
    unseen = [payload]
    while unseen:
        node = unseen.pop()
        if isinstance(node, dict):
            if _object_is_about(subject, node):
                return True
            unseen += node.values()
        elif isinstance(node, list):
            unseen += node
        elif isinstance(node, str | int) and any(_same(known, str(node)) for known in subject.personal):
            return True
    return False


def _object_is_about(subject: Redaction, node: dict[str, Any]) -> bool:
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


def listed(ids: list[int]) -> str:
    """Return how many deliveries there are, with the numbers of the first."""
    if not ids:
        return "no deliveries"
    shown = ", ".join(map(str, ids[:MAX_LISTED]))
    more = f" and {len(ids) - MAX_LISTED} more" if len(ids) > MAX_LISTED else ""
    return f"{len(ids)} deliver{'y' if len(ids) == 1 else 'ies'} ({shown}{more})"
