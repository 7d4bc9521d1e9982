"""Names what is wrong with the writing of a signature header, by its form alone."""

from __future__ import annotations

import re
from typing import Literal

LONGEST = 1024  # characters; a longer text is no digest in any writing
_HEX, _BASE64 = r"[0-9a-fA-F]{64}", r"[A-Za-z0-9+/_-]{43}=?"
_PREFIX = r"(?:sha-?256|hmac(?:-sha-?256)?|signature|v1)\s*[=:, ]\s*"
_DIGEST = rf"(?:{_PREFIX})?(?:{_HEX}|{_BASE64})"
HEX = re.compile(_HEX)
BASE64 = re.compile(_BASE64)
REPEATED = re.compile(rf"{_DIGEST}(?:\s*,\s*{_DIGEST})+", re.IGNORECASE)
WITH_PREFIX = re.compile(rf"{_PREFIX}(?:{_HEX}|{_BASE64})", re.IGNORECASE)
QUOTED = re.compile(rf"[\"']{_DIGEST}[\"']", re.IGNORECASE)


def writing_hint(given: str, encoding: Literal["base64", "hex"]) -> str:
    """Return how a signature has to be written instead; "" where it has the form of a digest already, or of none."""
    if len(given) > LONGEST:
        return ""
    if REPEATED.fullmatch(given):
        return "The signature header was sent more than once: send it once, and check that no proxy adds a second one."
    if WITH_PREFIX.fullmatch(given):
        return "The signature has a prefix such as sha256= before the digest: send the digest alone."
    if QUOTED.fullmatch(given):
        return "The signature is in quotes: send the digest without them."
    return _base64_hint(given) if encoding == "base64" else _hex_hint(given)


def _base64_hint(given: str) -> str:
    if HEX.fullmatch(given):
        return "The signature is a hex digest, but this platform signs in base64: encode the digest as base64."
    if not BASE64.fullmatch(given):
        return ""
    if "-" in given or "_" in given:
        return "The signature is in URL-safe base64, with - and _: encode the digest with + and / instead."
    if not given.endswith("="):
        return "The signature lacks the = at its end (unpadded base64): send the padding as well."
    return ""


def _hex_hint(given: str) -> str:
    if BASE64.fullmatch(given):
        return "The signature is a base64 digest, but this platform signs in hex: encode the digest as hex."
    return ""
