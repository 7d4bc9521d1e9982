"""HMAC-SHA256 over a request's body in one header (BodyHmac), or over the parameters of a URL (QueryHmac)."""

from __future__ import annotations

import base64
import hmac
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from webhook_app.errors import BadSignatureError
from webhook_app.signing.base import SignatureDescription
from webhook_app.signing.writings import writing_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SECONDS = re.compile(rb"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class BodyHmac:
    """HMAC-SHA256 over the raw body in one header.

    `headers` are the accepted names of that header; requests are signed under the first. `decode` is what the platform
    does to a secret before it signs.
    """

    headers: tuple[str, ...]
    encoding: Literal["base64", "hex"] = "base64"
    decode: Callable[[str], str] = str
    reasons: ClassVar[tuple[str, ...]] = ("signature_missing", "signature_mismatch")

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Compare in constant time with the digest of every secret; raises BadSignatureError."""
        given = next((headers[name] for name in self.headers if headers.get(name)), None)
        if given is None:
            raise BadSignatureError(
                "signature_missing",
                f"The request has no {self.headers[0]} header: sign the request as the platform does, and check that "
                "no proxy in between removes headers.",
            )
        index_of = {key: index for index, secret in enumerate(secrets) for key in (self.decode(secret), secret)}
        matches = [index for key, index in index_of.items() if self._matches(given, body, key)]
        if not matches:
            raise BadSignatureError("signature_mismatch", self._hint(given, body, secrets))
        return matches[0]

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:  # noqa: ARG002 - not covered
        """Return the one header that signs `body`."""
        return {self.headers[0]: self._digest(body, self.decode(secret))}

    def problem_with(self, secret: str) -> str | None:
        """Return why `secret` is no key: anyone could sign with an empty one, also with one that decodes to nothing."""
        decoded = self.decode(secret)
        if any(letter.isprintable() and not letter.isspace() for letter in decoded):
            return None
        when = " once the platform has decoded its HTML entities" if decoded != secret else ""
        return f"is empty{when}: it has no visible character"

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:  # noqa: ARG002 - the same for all
        """Return what this scheme reads: the body and one header."""
        summary = f"an HMAC-SHA256 of the raw body with the secret, as {self.encoding} in {self.headers[0]}"
        return SignatureDescription(summary, (self.headers,))

    def with_clock_at(self, seconds: float) -> BodyHmac:  # noqa: ARG002
        """Return this scheme unchanged: it signs no time."""
        return self

    def encode_secret(self, key: bytes) -> str:
        """Return the text whose bytes are the key."""
        return key.decode("utf-8", "surrogateescape")

    def _matches(self, given: str, body: bytes, secret: str) -> bool:
        expected = self._digest(body, secret)
        normalized = given.lower() if self.encoding == "hex" else given
        return hmac.compare_digest(expected.encode(), normalized.encode("utf-8", "replace"))

    def _digest(self, body: bytes, secret: str) -> str:
        digest = _hmac(secret, body)
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode()

    def _hint(self, given: str, body: bytes, secrets: Sequence[str]) -> str:
        trimmed = [secret.strip() for secret in secrets if secret.strip() != secret]
        if any(self._matches(given, body, secret) for secret in trimmed):
            return "The signature matches once white space around the configured secret is removed: correct the secret."
        return writing_hint(given, self.encoding) or (
            "The signature does not match: the configured secret is not this webhook's secret, or the body was changed "
            "in transit. Compare the secrets first."
        )


class SignedQuery(NamedTuple):
    """The decoded parameters of a verified query, and the index of the secret that signed it."""

    parameters: dict[str, str]
    secret_index: int


@dataclass(frozen=True, slots=True)
class QueryHmac:
    """HMAC-SHA256, in hex, over the parameters of a URL's query, one of which is the time of signing.

    What is signed: every decoded `name=value`, sorted, concatenated without separators; the values of a repeated name
    are joined by commas. `required` are the parameters that must be present besides signature and timestamp; `single`
    those that may not be repeated: a visitor could have added a second one before the platform signed. No name may hold
    a "=": without separators, what was signed could be split into other parameters there.
    """

    required: tuple[str, ...] = ()
    single: tuple[str, ...] = ()
    signature_parameter: str = "signature"
    timestamp_parameter: str = "timestamp"
    tolerance: float = 90.0

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the BadSignatureError that verify() raises."""
        required = (self.signature_parameter, self.timestamp_parameter, *self.required)
        return (
            "signature_mismatch",
            "parameter_malformed",
            *("timestamp_malformed", "timestamp_too_old", "timestamp_too_new"),
            *(f"{name}_missing" for name in required),
            *(f"{name}_repeated" for name in (*required, *self.single)),
        )

    def verify(self, query: bytes, secrets: Sequence[str], now: float) -> SignedQuery:
        """Return the decoded parameters, without the signature, of a query signed within `tolerance` of `now`.

        `now` and `tolerance` are in seconds, `now` since 1970. Raises BadSignatureError and no other exception.
        """
        pairs = _pairs(query)
        self._check_names(Counter(name for name, _ in pairs))
        joined = _joined(pairs)
        given = joined.pop(self.signature_parameter.encode()).lower()
        message = _canonical(joined)
        matches = [hmac.compare_digest(_hmac(secret, message).hex().encode(), given) for secret in secrets]
        if not any(matches):
            raise BadSignatureError(
                "signature_mismatch",
                "The signature does not match: the configured secret is not this app's client secret, or the query was "
                "changed in transit. Compare the secrets first.",
            )
        self._check_age(joined[self.timestamp_parameter.encode()], now)
        decoded = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in joined.items()}
        return SignedQuery(decoded, matches.index(True))

    def sign(self, query: bytes, secret: str) -> bytes:
        """Return `query`, which has everything but the signature, with the signature appended."""
        digest = _hmac(secret, _canonical(_joined(_pairs(query)))).hex()
        return query + f"&{self.signature_parameter}={digest}".encode()

    def _check_names(self, counted: Counter[bytes]) -> None:
        required = (self.signature_parameter, self.timestamp_parameter, *self.required)
        for name in (*required, *self.single):
            if counted[name.encode()] > 1:
                raise BadSignatureError(f"{name}_repeated", f"The query has {name} more than once: send it only once.")
        for name in required:
            if not counted[name.encode()]:
                raise BadSignatureError(
                    f"{name}_missing",
                    f"The query has no {name}: send the request to the shop's own domain, so that the platform's proxy "
                    "signs it.",
                )
        if any(b"=" in name for name in counted):
            raise BadSignatureError("parameter_malformed", 'The name of a parameter has a "=": leave it out.')

    def _check_age(self, timestamp: bytes, now: float) -> None:
        if not SECONDS.fullmatch(timestamp):
            hint = f"The query's {self.timestamp_parameter} is not a whole number of seconds since 1970."
            raise BadSignatureError("timestamp_malformed", hint)
        age, limit = now - int(timestamp), f"{self.tolerance:g} seconds"
        if age > self.tolerance:
            hint = f"The query was signed more than {limit} ago: request it again, or correct this machine's clock."
            raise BadSignatureError("timestamp_too_old", hint)
        if age < -self.tolerance:
            hint = f"The query was signed more than {limit} in the future: correct this machine's clock."
            raise BadSignatureError("timestamp_too_new", hint)


def _hmac(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode("utf-8", "surrogateescape"), message, "sha256")


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Split a query into its decoded parameters, as bytes: they need not be text."""
    parts = (part.replace(b"+", b" ").partition(b"=") for part in query.split(b"&") if part)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: b",".join(several) for name, several in values.items()}


def _canonical(parameters: Mapping[bytes, bytes]) -> bytes:
    return b"".join(sorted(name + b"=" + value for name, value in parameters.items()))
