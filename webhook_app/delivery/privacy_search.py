"""Which stored deliveries a privacy request is about; pure.

A first search finds what names the person, an order or the whole shop. Orders carry profile keys, and a second search
finds what was done under these.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schemas.events import Redaction
from webhook_app import exact_json
from webhook_app.delivery.contact_data import is_same, normal_phone
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.platforms import all_platforms
from webhook_app.platforms.address import normal_form
from webhook_app.translation.placeholders import is_placeholder
from webhook_app.tweakwise.call import purchase_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.privacy.privacy_requests import StoredContent

# In orders; in storefront events; in orders of Shopware, whose webhooks have the number alone.
CUSTOMER_IDS = ("customer_id", "logged_in_customer_id", "customerId", "customerNumber")
ORDER_NUMBERS = ("name", "number", "order_number")
KEY_NAMES = ("profile_key", "ProfileKey")
MOST_KEYS = 1000  # profile keys of one request
ESCAPED = b"\\u"  # in JSON text, any character may be written so
NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))


def search(subject: Subject, contents: Sequence[StoredContent], shop: Shop) -> tuple[list[int], Subject]:
    """Return the numbers of deliveries that are about the subject, and the subject with the keys that they carried."""
    pinned = shop.domain == (normal_form(subject.about.domain),)
    found = [one for one in contents if _matches(subject, one, shop, is_only_address=pinned)]
    if subject.follows or subject.is_whole_shop:
        return [one.id for one in found], subject
    carried = {key for one in found for key in _keys_of(one, shop.profile_attribute)}
    more = frozenset(sorted(subject.carried | carried)[:MOST_KEYS])
    return [one.id for one in found], replace(subject, carried=more)


def _matches(subject: Subject, content: StoredContent, shop: Shop, *, is_only_address: bool) -> bool:
    if not subject.follows and is_about(subject, content, is_only_address=is_only_address):
        return True
    if not _is_of_address(subject, content):
        return False
    is_order = not subject.follows and _is_of_order(subject, content, shop.platform)
    return is_order or _is_under_key(subject, content, shop.profile_attribute)


def _is_of_order(subject: Subject, content: StoredContent, platform: str) -> bool:
    """Return whether the body is of one of the orders as its platform names them: no worker may have read it yet."""
    wanted = subject.about.order_ids | subject.order_numbers
    if not wanted or content.body is None or not _may_mention(subject, content.body):
        return False
    order = all_platforms()[platform].order_of(content.topic, _parsed(content.body))
    return order is not None and (order.id in wanted or order.name.lstrip("#") in subject.order_numbers - {""})


def business_keys(numbers: Sequence[int], contents: Sequence[StoredContent], platform: str) -> dict[int, str]:
    """Return the business keys of those of the deliveries about an order that no worker has read yet, by number."""
    unread = [one for one in contents if one.id in set(numbers) and one.business_key is None and one.body is not None]
    orders = {one.id: all_platforms()[platform].order_of(one.topic, _parsed(one.body)) for one in unread}
    return {number: purchase_key(order.id) for number, order in orders.items() if order}


def is_about(subject: Subject | Redaction, content: StoredContent, *, is_only_address: bool = False) -> bool:
    """Return whether a delivery's content names the subject.

    One app may serve several shops; their address distinguishes them. A delivery without one is the whole shop's only
    where no other address may send for it (`is_only_address`).
    """
    subject = Subject(subject) if isinstance(subject, Redaction) else subject
    if not _is_of_address(subject, content):
        return False
    if subject.is_whole_shop:
        return bool(subject.about.domain) and (bool(content.domain) or is_only_address)
    order_id = (content.business_key or "").removeprefix("purchase:")
    named = (content.order_name or "").lstrip("#") in subject.order_numbers - {""}
    return named or order_id in subject.about.order_ids or _body_is_about(subject, content.body)


def _is_of_address(subject: Subject, content: StoredContent) -> bool:
    wanted = subject.about.domain
    return not (wanted and content.domain) or normal_form(content.domain) == normal_form(wanted)


def _body_is_about(subject: Subject, body: bytes | None) -> bool:
    if body is None or not _may_mention(subject, body):
        return False
    try:
        return _mentions(subject, exact_json.parse(body))
    except (ValueError, RecursionError):
        # A body that is not JSON is searched as text.
        text = body.decode("utf-8", "replace").lower()
        return any(known.strip().lower() in text for known in subject.about.personal if known.strip())


def _may_mention(subject: Subject, body: bytes) -> bool:
    """Return whether it is worth parsing a body: this reads a gigabyte in the time that parsing takes for twenty MB."""
    if ESCAPED in body or b"\0" in body or not all(known.isascii() for known in subject.about.personal):
        return True
    about = subject.about
    exact = (about.customer_id or "", *about.order_ids, *subject.order_numbers)
    lower = body.lower()
    if any(text.encode() in body for text in exact if text):
        return True
    if any(known.strip().lower().partition("@")[0].encode() in lower for known in about.personal):
        return True
    numbers = [_end_of(normal_phone(known)) for known in about.personal if "@" not in known]
    digits = body.translate(None, NOT_DIGITS) if any(numbers) else b""
    return not body.isascii() or any(number in digits for number in numbers if number)


def _end_of(number: str) -> bytes:
    """Return the digits that a phone number has with and without its country's code."""
    return number[-9 if len(number) > 10 else -8 :].encode()  # noqa: PLR2004 - the code and 8 digits


def _mentions(subject: Subject, payload: Any) -> bool:
    """Search a payload for the customer, one of the orders, or one of the addresses and phone numbers."""
    personal = subject.about.personal
    for node in _nodes(payload):
        if isinstance(node, dict):
            if _object_is_about(subject, node):
                return True
        elif isinstance(node, str | int) and any(is_same(known, node) for known in personal):
            return True
    return False


def _nodes(payload: Any) -> Iterator[Any]:
    """Yield every object and every value of a payload."""
    unseen = [payload]
    while unseen:
        node = unseen.pop()
        if isinstance(node, list):
            unseen += node
            continue
        yield node
        if isinstance(node, dict):
            unseen += node.values()


def _object_is_about(subject: Subject, node: dict[str, Any]) -> bool:
    about, is_order = subject.about, "line_items" in node
    orders = [node.get("order_id"), node.get("id") if is_order else None]
    numbers = [node.get(name) for name in ORDER_NUMBERS] if is_order and subject.order_numbers else []
    return (
        (about.customer_id or "") in _customers(node)
        or any(_text(number) in about.order_ids for number in orders if number)
        or any(_text(number).lstrip("#") in subject.order_numbers for number in numbers if number)
    )


def _customers(node: dict[str, Any]) -> list[str]:
    customer = node.get("customer")
    numbers = [*map(node.get, CUSTOMER_IDS), customer.get("id") if isinstance(customer, dict) else None]
    return [_text(number) for number in numbers if number]


def _text(number: Any) -> str:
    return str(number or "")


def _is_under_key(subject: Subject, content: StoredContent, attribute: str) -> bool:
    """Return whether a delivery was made under one of the keys, and names no other customer than the subject's."""
    if not subject.keys or not any(_holds(content, key) for key in subject.keys):
        return False
    if subject.keys.isdisjoint(_keys_of(content, attribute)):
        return False
    others = _all_customers(content.body) - {subject.about.customer_id}
    return not (subject.follows and subject.about.customer_id and others)


def _holds(content: StoredContent, key: str) -> bool:
    return key in (content.call or "") or (content.body is not None and key.encode() in content.body)


def _keys_of(content: StoredContent, attribute: str) -> set[str]:
    """Return the profile keys that a delivery carries, or was sent under."""
    own = attribute.removeprefix("_")
    names = (*KEY_NAMES, own, f"_{own}")
    texts = [content.call.encode() if content.call else None, content.body]
    found = {key for text in texts for node in _nodes(_parsed(text)) for key in _keys_in(node, names)}
    return {key for key in found if key and not is_placeholder(key)}


def _keys_in(node: Any, names: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys of an object: under its own name, or as the value of an attribute of that name."""
    if isinstance(node, dict):
        named = [node.get(name) for name in names]
        is_attribute = node.get("name") in names or node.get("key") in names
        values = (*named, node.get("value") if is_attribute else None)
        yield from (value.strip() for value in values if isinstance(value, str))


def _all_customers(body: bytes | None) -> set[str | None]:
    return {number for node in _nodes(_parsed(body)) if isinstance(node, dict) for number in _customers(node)}


def _parsed(text: bytes | None) -> Any:
    try:
        return exact_json.parse(text) if text else None
    except (ValueError, RecursionError):
        return None
