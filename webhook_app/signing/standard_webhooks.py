"""Standard Webhooks: one or more HMAC-SHA256 signatures over id, timestamp and body in one header."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from webhook_app.errors import BadSignatureError, ConfigurationError
from webhook_app.signing.base import SignatureDescription
from webhook_app.signing.writings import writing_hint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
# No full stop: it separates the id from the timestamp in what is signed, and must not be ambiguous.
MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,128}")
SECONDS = re.compile(r"[0-9]{1,12}")
TOLERANCE = 5 * 60  # seconds, before and after: what the official libraries allow
SHORTEST_KEY = 24  # bytes
HOW_TO_MAKE_ONE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """HMAC-SHA256 over id, timestamp and raw body; `clock` returns seconds since 1970.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    clock: Callable[[], float] = time.time
    reasons: ClassVar[tuple[str, ...]] = (
        *("signature_missing", "signature_malformed", "signature_mismatch", "id_missing", "id_malformed"),
        *("timestamp_missing", "timestamp_malformed", "timestamp_too_old", "timestamp_too_new"),
    )

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Compare each `v1` signature in constant time with that of every secret; raises BadSignatureError."""
        given = _v1_signatures(_required(headers, WEBHOOK_SIGNATURE, "signature_missing"))
        identity = _required(headers, WEBHOOK_ID, "id_missing")
        timestamp = _required(headers, WEBHOOK_TIMESTAMP, "timestamp_missing")
        if not MESSAGE_ID.fullmatch(identity):
            hint = f"{WEBHOOK_ID} must be 1 to 128 visible ASCII characters without a full stop."
            raise BadSignatureError("id_malformed", hint)
        self._check_age(timestamp)
        prefix = f"{identity}.{timestamp}."
        matches = [_any_matches(given, prefix, body, [_key(secret)]) for secret in secrets]
        if not any(matches):
            raise BadSignatureError("signature_mismatch", _mismatch_hint(given, prefix, body, secrets))
        return matches.index(True)

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:
        """Return the three headers that sign `body` now. Raises ConfigurationError for an unusable secret."""
        if problem := self.problem_with(secret):
            raise ConfigurationError([f"The secret {problem}"])
        identity, timestamp = identity or f"msg_{uuid.uuid4().hex}", str(int(self.clock()))
        digest = _digest(f"{identity}.{timestamp}.", body, _key(secret))
        return {WEBHOOK_ID: identity, WEBHOOK_TIMESTAMP: timestamp, WEBHOOK_SIGNATURE: f"v1,{digest}"}

    def problem_with(self, secret: str) -> str | None:
        """Return why `secret` is not a key of 24 bytes or more in base64; None if it is."""
        key = _key(secret)
        if not key:
            return f"is not base64 (A-Z a-z 0-9 + / =), with or without whsec_ in front; {HOW_TO_MAKE_ONE}"
        if len(key) < SHORTEST_KEY:
            return f"is a key of {len(key)} bytes, but at least {SHORTEST_KEY} are required; {HOW_TO_MAKE_ONE}"
        return None

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:
        """Return what this scheme reads: three headers and the body."""
        timestamp = headers.get(WEBHOOK_TIMESTAMP, "")
        return SignatureDescription(
            summary=f"an HMAC-SHA256 of <{WEBHOOK_ID}>.<{WEBHOOK_TIMESTAMP}>.<raw body> with the base64-decoded secret "
            f"as key, as v1,<base64> in {WEBHOOK_SIGNATURE}",
            headers=((WEBHOOK_SIGNATURE,), (WEBHOOK_ID,), (WEBHOOK_TIMESTAMP,)),
            prefix=f"{headers.get(WEBHOOK_ID, '')}.{timestamp}.".encode(),
            sent_at=float(timestamp) if SECONDS.fullmatch(timestamp) else None,
        )

    def with_clock_at(self, seconds: float) -> StandardWebhooks:
        """Return this scheme with its clock fixed at that time."""
        return replace(self, clock=lambda: seconds)

    def encode_secret(self, key: bytes) -> str:
        """Return the key in base64, with the usual prefix."""
        return f"whsec_{base64.b64encode(key).decode()}"

    def _check_age(self, timestamp: str) -> None:
        if not SECONDS.fullmatch(timestamp):
            repeated = ": it was sent more than once" if "," in timestamp else ""
            hint = f"{WEBHOOK_TIMESTAMP} is not a whole number of seconds since 1970{repeated}."
            raise BadSignatureError("timestamp_malformed", hint)
        age = self.clock() - int(timestamp)
        if abs(age) > TOLERANCE:
            reason, side = ("timestamp_too_old", "in the past") if age > 0 else ("timestamp_too_new", "in the future")
            hint = f"{WEBHOOK_TIMESTAMP} is more than {TOLERANCE // 60} minutes {side}: sign every attempt anew"
            raise BadSignatureError(reason, f"{hint}, and check the sender's clock.")


def _required(headers: Mapping[str, str], name: str, reason: str) -> str:
    if not headers.get(name):
        raise BadSignatureError(reason, f"The request has no {name} header: send it with every attempt.")
    return headers[name]


def _v1_signatures(given: str) -> list[str]:
    """Return the signatures of version 1; other versions, such as `v1a` (ed25519), are skipped."""
    found = [part[3:] for part in given.split(" ") if part.startswith("v1,")]
    if not found:
        hint = f"{WEBHOOK_SIGNATURE} has no signature of the form v1,<base64> (HMAC-SHA256)."
        raise BadSignatureError("signature_malformed", hint)
    return found


def _key(secret: str) -> bytes:
    """Return the key that a secret stands for, empty if it is not base64; some providers show it as `v1,whsec_...`.

    https://github.com/standard-webhooks/standard-webhooks/issues/235
    """
    text = secret.strip().removeprefix("v1,").removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def _digest(prefix: str, body: bytes, key: bytes) -> str:
    signed = hmac.new(key, prefix.encode(), hashlib.sha256)
    signed.update(body)
    return base64.b64encode(signed.digest()).decode()


def _any_matches(given: Sequence[str], prefix: str, body: bytes, keys: Sequence[bytes]) -> bool:
    expected = [_digest(prefix, body, key).encode() for key in keys if key]
    signatures = [signature.encode("utf-8", "replace") for signature in given]
    matches = [hmac.compare_digest(digest, signature) for digest in expected for signature in signatures]
    return any(matches)


def _mismatch_hint(given: Sequence[str], prefix: str, body: bytes, secrets: Sequence[str]) -> str:
    texts = [secret.strip().removeprefix("v1,") for secret in secrets]
    raw = [text.encode("utf-8", "replace") for whole in texts for text in (whole, whole.removeprefix("whsec_"))]
    if _any_matches(given, prefix, body, raw):
        return (
            "The request is signed with the text of the secret as key: decode the part after whsec_ from base64, and "
            "sign with the bytes."
        )
    writing = next(filter(None, (writing_hint(signature, "base64") for signature in given)), "")
    return writing or (
        "The signature does not match: the configured secret is not this webhook's secret, or what was signed is not "
        "<id>.<timestamp>.<body> with the exact bytes that were sent."
    )
