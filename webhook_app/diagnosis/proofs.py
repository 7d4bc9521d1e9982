"""What goes wrong with the header that carries the proof: another name, another way to write the digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from webhook_app.diagnosis.change import Change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

LOOKS_LIKE_PROOF = re.compile(r"signature|hmac|sha-?256|digest|webhook-(id|timestamp)")
HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
PREFIXED = re.compile(
    r"\s*(?:sha-?256\s*[=:]|hmac-?(?:sha-?256)?\s*[=: ]|signature\s*[=: ]|v1\s*[=,])\s*", re.IGNORECASE
)
ALGORITHMS = ("md5", "sha1", "sha224", "sha384", "sha512")

SIGNER = "Correct whoever signs it (a script, a middleman): the header must hold the digest as the platform writes it."
PASSED_ON = "Let whatever stands in between pass the header on unchanged, under its own name."


def rewritten(headers: Mapping[str, str], names: Sequence[str]) -> Iterator[Change[Mapping[str, str]]]:
    """Yield `headers` with the proof as it should have been written. `names` are those that carry it."""
    for name in names:
        given = headers.get(name)
        for said, todo, undo in WRITINGS if given else ():
            try:
                value = undo(str(given))
            except (ValueError, binascii.Error):
                continue
            if value and value != given:
                yield Change({**headers, name: value}, said, todo)


def renamed(headers: Mapping[str, str], names: Sequence[str]) -> Iterator[Change[Mapping[str, str]]]:
    """Yield `headers` with what looks like a proof under one of `names`, where that is missing."""
    missing = [name for name in names if not headers.get(name)]
    strangers = [name for name in headers if name not in names and LOOKS_LIKE_PROOF.search(name)]
    for name in missing:
        for stranger in strangers:
            said = f"The proof came in the header {stranger}; this platform sends it as {name}."
            yield Change({**headers, name: headers[stranger]}, said, PASSED_ON)


def algorithm(given: str, contents: Sequence[bytes], secrets: Sequence[str]) -> str:
    """Name the other algorithm that makes the digest `given` of one of `contents`; "" where none does."""
    digests = [digest for digest in _digests(given) if digest]
    for secret in secrets:
        key = secret.encode("utf-8", "surrogateescape")
        for content in contents:
            for name, made in _other_ways(key, content):
                if made in digests:
                    return name
    return ""


def length(given: str) -> str:
    """Say in words what the proof looks like, without quoting it."""
    sizes = {16: "MD5", 20: "SHA-1", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}
    for encoding, digest in zip(("hex", "base64"), _digests(given), strict=True):
        if digest and len(digest) in sizes:
            return f"{encoding}, as long as a digest of {sizes[len(digest)]}"
    return f"{len(given)} characters, which is no digest in hex or base64"


def _other_ways(key: bytes, content: bytes) -> Iterator[tuple[str, bytes]]:
    for name in ALGORITHMS:
        yield f"HMAC-{name.upper()}", hmac.new(key, content, name).digest()
    yield "a plain SHA-256 of body and secret, without HMAC", hashlib.sha256(content + key).digest()
    yield "a plain SHA-256 of secret and body, without HMAC", hashlib.sha256(key + content).digest()
    yield "a plain MD5 of body and secret, without HMAC", hashlib.md5(content + key).digest()  # noqa: S324 - recognised, not trusted
    yield "a plain SHA-256 of the body, without any secret", hashlib.sha256(content).digest()


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
    """Undo base64 of the digits instead of the bytes; the platform's own encoding is base64."""
    return base64.b64encode(bytes.fromhex(base64.b64decode(text, validate=True).decode())).decode()


def _bare(text: str) -> str:
    return PREFIXED.sub("", text, count=1).strip().strip("\"'")


WRITINGS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("The digest is written in hex instead of base64.", SIGNER, _to_base64),
    ("The digest is written in base64 instead of hex.", SIGNER, _to_hex),
    ("The digest is written in URL-safe base64 (with - and _) or without the = at its end.", SIGNER, _standard),
    ("The hex digits were put into base64, instead of the digest itself.", SIGNER, _unwrapped),
    ("There is something before the digest, such as sha256=, or quotes around it.", SIGNER, _bare),
    ("The header was URL-decoded on its way: + became a space.", PASSED_ON, lambda text: text.replace(" ", "+")),
    ("The header was URL-encoded on its way.", PASSED_ON, unquote),
    ("There is white space around the digest.", PASSED_ON, str.strip),
    ("The prefix v1, is missing before the digest.", SIGNER, lambda text: f"v1,{text.strip()}"),
)
