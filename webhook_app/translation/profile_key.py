"""Profile keys: written by the storefront, or derived from the customer id; personal data is never sent."""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.call_fields import LONGEST_PROFILE_KEY, SESSION_KEY_PATTERN
from schemas.event_types import EVENT_TYPES, PROFILE_KEY
from schemas.events import Ignored, Reason
from webhook_app.translation.personal_data import looks_personal
from webhook_app.translation.placeholders import is_erased, is_placeholder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import Browsing, Visitor
    from webhook_app.config.shops import Shop

# https://docs.tweakwise.com disagrees with itself on the characters; these are what its own examples use.
ALLOWED = re.compile(r"[A-Za-z0-9._$=-]{1,128}")
SESSION = re.compile(SESSION_KEY_PATTERN)


def choose_for_order(visitor: Visitor, shop: Shop) -> str | Ignored:
    """Return the profile key of an order, or why it cannot be sent: the storefront's key comes first."""
    if given := _storefront_key(visitor, shop):
        return _checked(given, _field(visitor, shop))
    if not shop.require_consent and (customer := _customer(visitor)) and shop.profile_salt:
        return derived_key(customer, shop.profile_salt)
    if _refused(visitor, shop):
        detail = f"The storefront emptied {_field(visitor, shop)}: the visitor refused, or withdrew consent."
        return Ignored(Reason.NO_CONSENT, detail)
    if shop.require_consent:
        return Ignored(Reason.NO_KEY, "The storefront wrote no profile key, and the shop requires consent.")
    if written := _values(visitor, shop):
        return _no_key(written, _field(visitor, shop))
    return Ignored(Reason.NO_PROFILE, _why_no_profile(visitor, shop))


def _no_key(placeholders: list[str], field: str) -> Ignored:
    if all(map(is_erased, placeholders)):
        return Ignored(Reason.NO_PROFILE, "The order's profile key was erased, with other personal data.")
    detail = f"The profile key in {field} is a placeholder, such as undefined or 0."
    return Ignored(Reason.BAD_PROFILE_KEY, detail)


def choose_for_browsing(visitor: Visitor, shop: Shop) -> str | Ignored:
    """Return the profile key of a browsing event, or why it cannot be sent.

    The customer's key comes first, since the page may not know of a login yet.
    """
    customer, salt = _customer(visitor), shop.profile_salt
    has_key = bool(_storefront_key(visitor, shop))
    if customer and salt and (has_key or not shop.require_consent):
        return derived_key(customer, salt)
    if shop.require_consent and not has_key:
        return Ignored(Reason.NO_CONSENT, "The storefront sent no profile key, and the shop requires consent.")
    return choose_for_order(visitor, shop)


def choose_for_event(event: Browsing, shop: Shop) -> str | Ignored | None:
    """Return the profile key of a browsing event, or why it cannot be sent.

    A call without a profile key can do without one, unless that shows that the visitor consented.
    """
    chosen = choose_for_browsing(event.visitor, shop)
    is_sent = PROFILE_KEY in EVENT_TYPES[event.type].values
    return None if isinstance(chosen, Ignored) and not is_sent and not shop.require_consent else chosen


def choose_for_report(key: str, shop: Shop) -> str | Ignored:
    """Return the profile key of a report, or why it is none."""
    if not key or is_placeholder(key):
        return Ignored(Reason.NO_PROFILE, "The report has no profile key.")
    return _checked(key, shop.profile_attribute)


def session_key(visitor: Visitor) -> str | None:
    """Return the key of the visit, None where there is none that may be sent."""
    key = visitor.session_key or ""
    return key if SESSION.fullmatch(key) and not (looks_personal(key) or is_placeholder(key)) else None


def _field(visitor: Visitor, shop: Shop) -> str:
    """Return the name of what carries the visitor's key."""
    return visitor.key_field or shop.profile_attribute


def _customer(visitor: Visitor) -> str | None:
    customer = visitor.customer_id
    return None if customer is None or is_placeholder(customer) else customer


def _storefront_key(visitor: Visitor, shop: Shop) -> str:
    return next((value for value in _values(visitor, shop) if not is_placeholder(value)), "")


def _values(visitor: Visitor, shop: Shop) -> list[str]:
    """Return what stands where the storefront writes its key, also placeholders."""
    own = [visitor.profile_key.strip()] if visitor.profile_key else []
    return [value for value in (*own, *_written(visitor.attributes, shop.profile_attribute)) if value]


def _refused(visitor: Visitor, shop: Shop) -> bool:
    """Return whether the order carries the attribute, empty: the storefront writes that when consent is withdrawn."""
    names = _names(shop.profile_attribute)
    return any(name in visitor.attributes for name in names) and not _values(visitor, shop)


def attribute_value(attributes: Mapping[str, str], name: str) -> str:
    """Return the key that the storefront wrote into the order, or "" for none and for a placeholder."""
    return next((value for value in _written(attributes, name) if value and not is_placeholder(value)), "")


def _written(attributes: Mapping[str, str], name: str) -> list[str]:
    """Return the attributes of that name; a leading `_` on either side is tolerated."""
    return [attributes.get(each, "").strip() for each in _names(name)]


@lru_cache(maxsize=256)
def _names(name: str) -> tuple[str, ...]:
    bare = name.removeprefix("_")
    return tuple(dict.fromkeys((name, bare, f"_{bare}")))


def derived_key(customer_id: str, salt: str) -> str:
    """Return hex(HMAC-SHA256(salt, customer id)): the same on every device, and irreversible."""
    return hmac.new(salt.encode(), customer_id.encode(), hashlib.sha256).hexdigest()


def is_usable(key: str) -> bool:
    """Return whether `key` can be sent unchanged."""
    return bool(ALLOWED.fullmatch(key)) and not looks_personal(key)


def _checked(key: str, attribute: str) -> str | Ignored:
    """Return the key, or why it is none. Its length comes first: visitors may write texts of any length."""
    if len(key) > LONGEST_PROFILE_KEY:
        return Ignored(
            Reason.BAD_PROFILE_KEY, f"The profile key in {attribute} has over {LONGEST_PROFILE_KEY} characters."
        )
    if looks_personal(key):
        detail = f"The profile key in {attribute} looks like personal data: use a random id."
        return Ignored(Reason.PERSONAL_DATA, detail)
    if not ALLOWED.fullmatch(key):
        detail = f"The profile key in {attribute} has other characters than A-Z a-z 0-9 . _ $ = - ."
        return Ignored(Reason.BAD_PROFILE_KEY, detail)
    return key


def _why_no_profile(visitor: Visitor, shop: Shop) -> str:
    field = _field(visitor, shop)
    if visitor.customer_id:
        return f"There is no {field}, and the shop has no profile_salt to derive a key from the customer with."
    return f"A guest without {field}: let the storefront write the visitor's profile key."
