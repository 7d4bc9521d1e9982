"""How a request proves itself: verify() beside sign(); bytes in, BadSignature out and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from webhook_app.errors import BadSignature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
BASE64_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=")


def fingerprint(secret: str) -> str:
    """Return what tells a secret from others without telling the secret: 8 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:8]


class Signature(Protocol):
    """A way to prove a request; a platform holds one. Header names come in lower case."""

    @property
    def about(self) -> str:
        """Say in plain words what is signed, how, and where the proof comes."""

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Return the place in `secrets` of the one that signed `body`; raise BadSignature, and nothing else ever."""

    def sign(self, body: bytes, secret: str) -> dict[str, str]:
        """Return the headers that prove `body`."""


@dataclass(frozen=True, slots=True)
class BodyHmac:
    """HMAC-SHA256 over the raw body in one header.

    `headers` are the names under which the digest may come, the first of them is the one we sign with; `decode` is
    what the platform does to a secret before it signs.
    """

    headers: tuple[str, ...]
    encoding: Literal["base64", "hex"] = "base64"
    decode: Callable[[str], str] = str

    @property
    def about(self) -> str:
        """Say in plain words what is signed, how, and where the proof comes."""
        return f"an HMAC-SHA256 of the raw body with the secret, as {self.encoding} in {self.headers[0]}"

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Compare in constant time with the digest of every secret; raises BadSignature."""
        given = next((headers[name] for name in self.headers if headers.get(name)), None)
        if given is None:
            raise BadSignature("signature_missing", f"The request has no {self.headers[0]} header.")
        place_of = {key: place for place, secret in enumerate(secrets) for key in (self.decode(secret), secret)}
        matches = [place for key, place in place_of.items() if self._matches(given, body, key)]
        if not matches:
            raise BadSignature("signature_mismatch", self._hint(given, body, secrets))
        return matches[0]

    def sign(self, body: bytes, secret: str) -> dict[str, str]:
        """Return the one header that proves `body`."""
        return {self.headers[0]: self._digest(body, self.decode(secret))}

    def _matches(self, given: str, body: bytes, secret: str) -> bool:
        expected = self._digest(body, secret)
        proof = given.lower() if self.encoding == "hex" else given
        return hmac.compare_digest(expected.encode(), proof.encode("utf-8", "replace"))

    def _digest(self, body: bytes, secret: str) -> str:
        digest = hmac.new(secret.encode("utf-8", "surrogateescape"), body, hashlib.sha256).digest()
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()

    def _hint(self, given: str, body: bytes, secrets: Sequence[str]) -> str:
        trimmed = [secret.strip() for secret in secrets if secret.strip() != secret]
        if any(self._matches(given, body, secret) for secret in trimmed):
            return "It matches once white space around the configured secret is removed: correct the secret."
        if self.encoding == "base64" and HEX_DIGEST.fullmatch(given):
            return "This is a hex digest; this platform sends base64."
        if self.encoding == "hex" and BASE64_DIGEST.fullmatch(given):
            return "This is a base64 digest; this platform sends hex."
        return "The secret is not this webhook's secret, or the body was changed on its way."
