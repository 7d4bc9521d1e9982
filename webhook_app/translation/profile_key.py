"""Profile keys: carried by the storefront or derived from the customer id; personal data is never sent."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from schemas.events import Ignored, Reason
from schemas.tweakwise import SESSION_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import Visitor
    from webhook_app.config.shops import Shop

# https://docs.tweakwise.com disagrees with itself on the characters; these are what its own examples use.
ALLOWED = re.compile(r"[A-Za-z0-9._$=-]{1,128}")
SESSION = re.compile(SESSION_KEY)
# An @ however it is written: as itself, in a URL, in a mail header, or spelled out against robots.
AT_SIGN = re.compile(
    r"@|%40|=40|&#0*64;|&#x0*40;|&commat;|\(at\)|\[at\]|\{at\}| at |[._-]at[._-](?=.*(?:\.|[._-]dot[._-])[a-z]{2,}$)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"\S@\S")
PHONE_WORDS = re.compile(
    r"^(?:telephone|telefoon|tel|phone|mobile|mobiel|gsm|whatsapp|sms|callto)[._\s-]*(?:number|nummer|nr)?[:.=_\s-]*",
    re.IGNORECASE,
)
PHONE_SEPARATORS = re.compile(r"[\s().,/_$=+-]+")
# https://www.itu.int/rec/T-REC-E.164 : a number has at most 15 digits; shorter than 7 no one could be called.
PHONE = re.compile(r"[0-9]{7,15}")
DEEPEST_ENCODING = 5


def choose(visitor: Visitor, shop: Shop) -> str | Ignored:
    """Return the profile key of who ordered, or why the event cannot be sent: the storefront's key comes first."""
    if carried := _carried(visitor, shop):
        return _guarded(carried, shop.profile_attribute)
    if shop.require_consent:
        return Ignored(Reason.NO_CONSENT, "The storefront wrote no profile key, and the shop requires consent.")
    if visitor.customer_id and shop.profile_salt:
        return derived_key(visitor.customer_id, shop.profile_salt)
    return Ignored(Reason.NO_PROFILE, _why_no_profile(visitor, shop))


def choose_browsing(visitor: Visitor, shop: Shop) -> str | Ignored:
    """Return the profile key of who browses: the account's comes first, for the page may not know of the login yet."""
    known = visitor.customer_id and shop.profile_salt
    if known and (_carried(visitor, shop) or not shop.require_consent):
        return derived_key(visitor.customer_id or "", shop.profile_salt or "")
    return choose(visitor, shop)


def session(visitor: Visitor) -> str | None:
    """Return the key of the visit, None where there is none that may be sent."""
    key = visitor.session_key or ""
    return key if SESSION.fullmatch(key) and not looks_personal(key) else None


def _carried(visitor: Visitor, shop: Shop) -> str:
    return visitor.profile_key or carried_key(visitor.attributes, shop.profile_attribute)


def carried_key(attributes: Mapping[str, str], name: str) -> str:
    """Return the key that the storefront wrote into the order, or ""; a leading `_` on either side is tolerated."""
    bare = name.removeprefix("_")
    return (attributes.get(name) or attributes.get(bare) or attributes.get(f"_{bare}") or "").strip()


def derived_key(customer_id: str, salt: str) -> str:
    """Return hex(HMAC-SHA256(salt, customer id)): the same on every device, and no way back to the customer."""
    return hmac.new(salt.encode(), customer_id.encode(), hashlib.sha256).hexdigest()


def is_usable(key: str) -> bool:
    """Tell whether `key` can be sent as it is."""
    return bool(ALLOWED.fullmatch(key)) and not looks_personal(key)


def looks_personal(key: str) -> bool:
    """Tell whether `key` looks like an e-mail address or a phone number, in any writing."""
    # Mail headers write = where URLs write %, and % is no character of a key.
    return any(_is_personal(_decoded(text)) for text in (key, key.replace("=", "%")))


def _is_personal(text: str) -> bool:
    plain = AT_SIGN.sub("@", text)
    if EMAIL.search(plain.replace(" ", "")):
        return True
    digits = PHONE_SEPARATORS.sub("", PHONE_WORDS.sub("", plain.strip()))
    return bool(PHONE.fullmatch(digits))


def _decoded(key: str) -> str:
    """Undo URL-encoding, also where it was applied more than once."""
    for _ in range(DEEPEST_ENCODING):
        decoded = unquote(key)
        if decoded == key:
            break
        key = decoded
    return key


def _guarded(key: str, attribute: str) -> str | Ignored:
    if looks_personal(key):
        return Ignored(
            Reason.PERSONAL_DATA,
            f"The storefront wrote an e-mail address or a phone number into {attribute}: write a random id or a hash.",
        )
    if not ALLOWED.fullmatch(key):
        return Ignored(
            Reason.BAD_PROFILE_KEY,
            f"The profile key in {attribute} has characters other than A-Z a-z 0-9 . _ $ = - or is longer than 128.",
        )
    return key


def _why_no_profile(visitor: Visitor, shop: Shop) -> str:
    if visitor.customer_id:
        return f"There is no {shop.profile_attribute}, and the shop has no profile_salt to derive a key."
    return f"A guest without {shop.profile_attribute}: let the storefront send the visitor's key along."
