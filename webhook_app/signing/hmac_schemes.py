"""How a request proves itself: verify() beside sign(); bytes in, BadSignatureError out and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from webhook_app.errors import BadSignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEX_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
BASE64_DIGEST = re.compile(r"[A-Za-z0-9+/]{43}=")
SECONDS = re.compile(rb"[0-9]{1,12}")


def fingerprint(secret: str) -> str:
    """Return what tells a secret from others without telling the secret: 8 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class SignatureDescription:
    """What a signature looks at, for whoever explains why one fails.

    `about` says in plain words what is signed, how, and where the proof comes. `carriers` are the headers that it
    needs, that of the digest first, each with the names it may come under, the usual one first. `start` is what is
    signed before the body. `sent_at` is when the request says it was sent, in seconds since 1970; None where the
    signature looks at no time.
    """

    about: str
    carriers: tuple[tuple[str, ...], ...]
    start: bytes = b""
    sent_at: float | None = None


class SignatureScheme(Protocol):
    """A way to prove a request; a platform holds one. Header names come in lower case."""

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Return the index in `secrets` of the one that signed `body`. Raises BadSignatureError, and nothing else."""

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:
        """Return the headers that prove `body`; `identity` is the delivery's, for signatures that cover it."""

    def problem_with(self, secret: str) -> str | None:
        """Say what is wrong with a configured secret, in a sentence that does not hold it; None if it can be used."""

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:
        """Return what this signature looks at in a request with these headers."""

    def at(self, seconds: float) -> SignatureScheme:
        """Return this signature as it is at that time, in seconds since 1970."""

    def as_secret(self, key: bytes) -> str:
        """Write the bytes of a key as the secret that stands for them."""


@dataclass(frozen=True, slots=True)
class BodyHmac:
    """HMAC-SHA256 over the raw body in one header.

    `headers` are the names under which the digest may come, the first of them is the one we sign with; `decode` is
    what the platform does to a secret before it signs.
    """

    headers: tuple[str, ...]
    encoding: Literal["base64", "hex"] = "base64"
    decode: Callable[[str], str] = str

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Compare in constant time with the digest of every secret; raises BadSignatureError."""
        given = next((headers[name] for name in self.headers if headers.get(name)), None)
        if given is None:
            raise BadSignatureError("signature_missing", f"The request has no {self.headers[0]} header.")
        place_of = {key: place for place, secret in enumerate(secrets) for key in (self.decode(secret), secret)}
        matches = [place for key, place in place_of.items() if self._matches(given, body, key)]
        if not matches:
            raise BadSignatureError("signature_mismatch", self._hint(given, body, secrets))
        return matches[0]

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:  # noqa: ARG002 - not covered
        """Return the one header that proves `body`."""
        return {self.headers[0]: self._digest(body, self.decode(secret))}

    def problem_with(self, secret: str) -> str | None:  # noqa: ARG002
        """Return None: any text can be the key of this HMAC."""
        return None

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:  # noqa: ARG002 - the same for all
        """Return what this signature looks at: the body and one header."""
        about = f"an HMAC-SHA256 of the raw body with the secret, as {self.encoding} in {self.headers[0]}"
        return SignatureDescription(about, (self.headers,))

    def at(self, seconds: float) -> BodyHmac:  # noqa: ARG002
        """Return this signature: it looks at no time."""
        return self

    def as_secret(self, key: bytes) -> str:
        """Write the bytes of a key as the text that is read as these bytes again."""
        return key.decode("utf-8", "surrogateescape")

    def _matches(self, given: str, body: bytes, secret: str) -> bool:
        expected = self._digest(body, secret)
        proof = given.lower() if self.encoding == "hex" else given
        return hmac.compare_digest(expected.encode(), proof.encode("utf-8", "replace"))

    def _digest(self, body: bytes, secret: str) -> str:
        digest = _hmac(secret, body)
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


class SignedQuery(NamedTuple):
    """What a query says by name, and the place of the secret that signed it."""

    parameters: dict[str, str]
    secret: int


@dataclass(frozen=True, slots=True)
class QueryHmac:
    """HMAC-SHA256, in hex, over the parameters of a URL's query, one of which says when it was signed.

    Signed is every decoded `name=value`, sorted, one behind the other with nothing between them; the values of a
    repeated name are joined by commas. `needed` are the parameters that must be there besides the proof and the time,
    `single` those that may not be repeated: a visitor could have added a second one before the platform signed.
    """

    needed: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    proof: str = "signature"
    timestamp: str = "timestamp"
    tolerance: float = 90.0

    def verify(self, query: bytes, secrets: Sequence[str], now: float) -> SignedQuery:
        """Return the decoded parameters without the proof if one of `secrets` signed them at `now`, give or take.

        `now` and `tolerance` are in seconds, `now` since 1970. Raises BadSignatureError, and nothing else ever.
        """
        pairs = _pairs(query)
        self._check_names(Counter(name for name, _ in pairs))
        joined = _joined(pairs)
        given = joined.pop(self.proof.encode()).lower()
        message = _canonical(joined)
        matches = [hmac.compare_digest(_hmac(secret, message).hex().encode(), given) for secret in secrets]
        if not any(matches):
            raise BadSignatureError("signature_mismatch", "The secret is not this app's, or the query was changed.")
        self._check_age(joined[self.timestamp.encode()], now)
        decoded = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in joined.items()}
        return SignedQuery(decoded, matches.index(True))

    def sign(self, query: bytes, secret: str) -> bytes:
        """Return `query`, which has everything but the proof, with the proof behind it."""
        return query + f"&{self.proof}={_hmac(secret, _canonical(_joined(_pairs(query)))).hex()}".encode()

    def _check_names(self, counted: Counter[bytes]) -> None:
        needed = (self.proof, self.timestamp, *self.needed)
        for name in (*needed, *self.single):
            if counted[name.encode()] > 1:
                raise BadSignatureError(f"{name}_repeated", f"The query has {name} more than once.")
        for name in needed:
            if not counted[name.encode()]:
                raise BadSignatureError(
                    f"{name}_missing", f"The query has no {name}: it did not come through the platform."
                )

    def _check_age(self, timestamp: bytes, now: float) -> None:
        if not SECONDS.fullmatch(timestamp):
            raise BadSignatureError("timestamp_malformed", f"{self.timestamp} is not a number of seconds.")
        age = now - int(timestamp)
        if age > self.tolerance:
            raise BadSignatureError("timestamp_too_old", "It was signed too long ago; or this machine's clock is fast.")
        if age < -self.tolerance:
            raise BadSignatureError(
                "timestamp_too_new", "It was signed in the future; or this machine's clock is slow."
            )


def _hmac(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), message, "sha256")


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Split a query into its decoded parameters, in bytes: they need not be text."""
    parts = (part.replace(b"+", b" ").partition(b"=") for part in query.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: b",".join(several) for name, several in values.items()}


def _canonical(parameters: Mapping[bytes, bytes]) -> bytes:
    return b"".join(sorted(name + b"=" + value for name, value in parameters.items()))
