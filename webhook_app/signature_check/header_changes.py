"""Changes to the signature headers, undone: another name, or another way to write the digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from webhook_app.signature_check.change import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Headers = Mapping[str, str]

LIKE_A_SIGNATURE = re.compile(r"signature|hmac|sha-?256|digest|webhook-(id|timestamp)")
HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
PREFIXED = re.compile(
    r"^\s*(?:sha-?256\s*[=:]|hmac-?(?:sha-?256)?\s*[=: ]|signature\s*[=: ]|v1\s*[=,])\s*", re.IGNORECASE
)
VERSION = "v1,"  # Standard Webhooks write this before a digest
ALGORITHMS = ("md5", "sha1", "sha224", "sha384", "sha512")

REPEATED = "The signature header was sent more than once, with another value or the same one."
SIGNER = "Correct the program that signs it: the header must hold the digest as the platform writes it."
PASSED_ON = "Configure proxies on the way to pass the header on unchanged, under its original name."


def carried_in(headers: Mapping[str, str], carriers: Sequence[Sequence[str]]) -> list[str]:
    """Return the name of each signature header as received, the usual name where it is missing."""
    return [next((name for name in names if headers.get(name)), names[0]) for names in carriers]


def rewritten(headers: Mapping[str, str], names: Sequence[str]) -> Iterator[Change[Headers]]:
    """Yield `headers` with the signature as it should have been written; `names` are the signature headers."""
    for name in names:
        given = headers.get(name, "")
        for text, advice, undo in WRITINGS if given else ():
            try:
                value = undo(given)
            except (ValueError, LookupError):  # binascii.Error is a ValueError
                continue
            for whole in (value, f"{VERSION}{value}"):
                if value and whole != given:
                    yield Change({**headers, name: whole}, text, advice)


def renamed(headers: Mapping[str, str], names: Sequence[str]) -> Iterator[Change[Headers]]:
    """Yield `headers` with what looks like a signature moved to one of `names`, where that is missing."""
    missing = [name for name in names if not headers.get(name)]
    candidates = [name for name in headers if name not in names and LIKE_A_SIGNATURE.search(name)]
    for name in missing:
        for candidate in candidates:
            text = f"The signature was received in the header {candidate}; this platform sends it in {name}."
            yield Change({**headers, name: headers[candidate]}, text, PASSED_ON)
    for prefix in dict.fromkeys(name.rpartition("-")[0] for name in candidates) if len(missing) > 1 else ():
        theirs = {name: headers.get(f"{prefix}-{name.rpartition('-')[2]}", "") for name in missing}
        if all(theirs.values()):
            text = (
                f"The signature was received in headers that begin with {prefix}-; expected are {', '.join(missing)}."
            )
            yield Change(
                {**headers, **theirs}, text, "Rename the headers at the sender, or in a proxy in front of the receiver."
            )


def algorithm(given: str, content: bytes, secrets: Iterable[str]) -> str:
    """Return the name of another algorithm that gives the digest `given` for `content`; "" where none does."""
    digests = [digest for part in _parts(given) for digest in _digests(part) if digest]
    for secret in secrets:
        for name, made in _other_ways(secret.encode("utf-8", "surrogateescape"), content):
            if made in digests:
                return name
    return ""


def length(given: str) -> str:
    """Describe a digest by its encoding and length, without quoting it."""
    sizes = {16: "MD5", 20: "SHA-1", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}
    for encoding, digest in zip(("hex", "base64"), _digests(_parts(given)[0]), strict=True):
        if digest and len(digest) in sizes:
            return f"{encoding}, as long as a digest of {sizes[len(digest)]}"
    return f"{len(given)} characters, not a digest in hex or base64"


def _other_ways(key: bytes, content: bytes) -> Iterator[tuple[str, bytes]]:
    for name in ALGORITHMS:
        yield f"HMAC-{name.upper()}", hmac.new(key, content, name).digest()
    yield "a plain SHA-256 of body and secret, without HMAC", hashlib.sha256(content + key).digest()
    yield "a plain SHA-256 of secret and body, without HMAC", hashlib.sha256(key + content).digest()
    yield "a plain MD5 of body and secret, without HMAC", hashlib.md5(content + key).digest()  # noqa: S324 - recognised, not trusted
    yield "a plain SHA-256 of the body, without any secret", hashlib.sha256(content).digest()


def _parts(given: str) -> list[str]:
    """Return the digests of a header; Standard Webhooks may send several."""
    return given.split() if VERSION in given else [given]


def _digests(given: str) -> tuple[bytes | None, bytes | None]:
    """Read `given` as hex and as base64."""
    plain = PREFIXED.sub("", given.strip(), count=1).strip("\"' ")
    as_hex = bytes.fromhex(plain) if HEX.fullmatch(plain) else None
    try:
        return as_hex, base64.b64decode(_standard(plain), validate=True)
    except (ValueError, binascii.Error):
        return as_hex, None


def _standard(text: str) -> str:
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    return plain + "=" * (-len(plain) % 4)


def _to_base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(PREFIXED.sub("", text.strip(), count=1))).decode()


def _to_hex(text: str) -> str:
    return base64.b64decode(_standard(PREFIXED.sub("", text.strip(), count=1)), validate=True).hex()


def _unwrapped(text: str) -> str:
    """Undo base64 of the hex digits instead of the bytes; the platform's own encoding is base64."""
    return base64.b64encode(bytes.fromhex(base64.b64decode(text, validate=True).decode())).decode()


def _one_of(text: str, place: int) -> str:
    """Return one of the digests that a repeated header holds, joined by commas; the version is no digest."""
    return [part.strip() for part in text.split(",") if part.strip() != VERSION.rstrip(",")][place]


def _half(text: str) -> str:
    """Return the first half of a value that was written twice, with or without something in between."""
    length = len(text) // 2
    return text[:length].strip() if text[:length].strip() == text[-length:].strip() else text


def _bare(text: str) -> str:
    return PREFIXED.sub("", text, count=1).strip().strip("\"'")


WRITINGS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("The prefix v1, is missing before the digest.", SIGNER, lambda text: f"{VERSION}{text.strip()}"),
    ("The digest is written in hex instead of base64.", SIGNER, _to_base64),
    ("The digest is written in base64 instead of hex.", SIGNER, _to_hex),
    ("The digest is written in URL-safe base64 (with - and _) or without the = at its end.", SIGNER, _standard),
    ("The hex digits were encoded in base64, instead of the digest itself.", SIGNER, _unwrapped),
    ("There is a prefix such as sha256= before the digest, or quotes around it.", SIGNER, _bare),
    ("The header was URL-decoded on the way: + became a space.", PASSED_ON, lambda text: text.replace(" ", "+")),
    ("The header was URL-encoded on the way.", PASSED_ON, unquote),
    ("There is white space around the digest.", PASSED_ON, str.strip),
    (REPEATED, PASSED_ON, lambda text: _one_of(text, 0)),
    (REPEATED, PASSED_ON, lambda text: _one_of(text, -1)),
    (REPEATED, PASSED_ON, _half),
)
