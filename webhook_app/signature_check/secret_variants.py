"""Changes to secrets, undone: each variant of a configured secret may be what the platform really signs with."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from webhook_app.signature_check.change import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from webhook_app.config.shops import Shop
    from webhook_app.signing.base import SignatureScheme

QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028\u2029\u2060\ufeff]")
PREFIX = re.compile(r"(v1,)?whsec_")
DECODE = "Decode the secret from base64 (after whsec_) in the sender before it signs, or correct the secret here."
AT_SENDER = "Remove it from the sender's secret: write its file or variable without a line end (printf, not echo)."
SENDERS_ENDS = {"\n": "a line end", "\r\n": "a Windows line end", " ": "a space"}
CORRECT = "Correct the secret in the configuration."


def variants(shop: Shop, others: Iterable[Shop], signature: SignatureScheme) -> Iterator[Change[str]]:
    """Yield variants of the configured secrets of `shop`, and other keys that may have been used instead.

    Where a secret is the base64 of the key, its text may also have been used as the key.
    """
    for number, secret in enumerate(shop.secrets, start=1):
        which = f"Secret {number} of {len(shop.secrets)}" if len(shop.secrets) > 1 else "The secret"
        yield from _text_as_key(Change(secret, f"{which} matches.", DECODE), signature)
        for change in _variants(secret, which):
            yield change
            yield from _text_as_key(change, signature)
    for change in _other_keys(shop, others):
        yield change
        yield from _text_as_key(change, signature)


def _text_as_key(change: Change[str], signature: SignatureScheme) -> Iterator[Change[str]]:
    value = signature.encode_secret(change.value.encode("utf-8", "surrogateescape"))
    if value != change.value:
        text = f"{change.text.removesuffix('.')}, if its text is used as the key instead of its base64-decoded bytes."
        yield Change(value, text, DECODE)


def keys(secrets: Iterable[str]) -> Iterator[str]:
    """Yield what each secret may be as a key: its text, and its base64-decoded bytes."""
    for secret in secrets:
        yield secret
        with suppress(ValueError):
            yield _from_base64(secret)


def as_text(key: bytes) -> str:
    """Return key bytes as text from which the same bytes can be read again."""
    return key.decode("utf-8", "surrogateescape")


def _variants(secret: str, which: str) -> Iterator[Change[str]]:
    for condition, undo in VARIANTS:
        try:
            value = undo(secret)
        except (ValueError, binascii.Error):
            continue
        if value != secret:
            yield Change(value, f"{which} matches if {condition}.", CORRECT)
    for end, name in SENDERS_ENDS.items():
        text = f"{which} matches with {name} behind it: the sender's secret has one, and the configured one does not."
        yield Change(secret.rstrip("\r\n ") + end, text, AT_SENDER)


def _other_keys(shop: Shop, others: Iterable[Shop]) -> Iterator[Change[str]]:
    for other in others:
        for secret in other.secrets if other.name != shop.name else ():
            text = f"It was signed with the secret of another shop: {other.name} ({other.platform})."
            advice = f"Use the webhook URL of {other.name} for this webhook, or add the secret to those of {shop.name}."
            yield Change(secret, text, advice)
    swap = "Set a separate secret for the webhook, at the platform and in `secrets`; this value has another purpose."
    if shop.profile_salt:
        yield Change(shop.profile_salt, "It was signed with this shop's profile_salt.", swap)
    yield Change(shop.instance_key, "It was signed with the Tweakwise instance key, which is not a secret.", swap)
    yield Change("", "It was signed with an empty secret.", "Set a secret at the platform.")


def _unquoted(secret: str) -> str:
    return secret.strip().strip(QUOTES)


def _cleaned(secret: str) -> str:
    """Return what WordPress's sanitize_text_field() makes of a secret when the form is saved again.

    https://developer.wordpress.org/reference/functions/sanitize_text_field/
    """
    text = re.sub(r"<[^>]*>?", "", secret)
    text = re.sub(r"[\r\n\t ]+", " ", text).strip()
    while (without := re.sub(r"%[a-fA-F0-9]{2}", "", text)) != text:
        text = without
    return re.sub(r" +", " ", text).strip()


def _from_base64(secret: str) -> str:
    plain = PREFIX.sub("", secret.strip(), count=1)
    return as_text(base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_" if _is_url_safe(plain) else None))


def _is_url_safe(text: str) -> bool:
    return "-" in text or "_" in text


VARIANTS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("the white space around it is removed", str.strip),
    ("the quotes around it are removed", _unquoted),
    ("invisible characters in it (such as a no-break space) are removed", lambda secret: INVISIBLE.sub("", secret)),
    ("the prefix whsec_ is removed", lambda secret: PREFIX.sub("", secret, count=1)),
    ("the prefix whsec_ is added", lambda secret: f"whsec_{secret}"),
    ("its HTML entities (&amp;) are decoded", html.unescape),
    ("its special characters are written as HTML entities (&amp;)", html.escape),
    (
        "its special characters except quotes are written as HTML entities (&amp;)",
        lambda s: html.escape(s, quote=False),
    ),
    ("it is URL-decoded", unquote),
    ("it is URL-encoded", lambda secret: quote(secret, safe="")),
    ("it is decoded from base64", _from_base64),
    ("it is decoded from hex", lambda secret: as_text(bytes.fromhex(secret.strip()))),
    ("it is encoded in base64", lambda secret: base64.b64encode(secret.encode()).decode()),
    ("it is written as WordPress saves it (without tags, %xx and double spaces)", _cleaned),
    ("only its first line is used", lambda secret: secret.strip().partition("\n")[0].strip()),
    ("it is written in lower case", str.lower),
    ("it is written in upper case", str.upper),
    ("its letters are composed (Unicode NFC)", lambda secret: unicodedata.normalize("NFC", secret)),
    ("its letters are decomposed (Unicode NFD)", lambda secret: unicodedata.normalize("NFD", secret)),
    ("it is read as UTF-8 instead of Latin-1", lambda secret: secret.encode("latin-1").decode()),
)
