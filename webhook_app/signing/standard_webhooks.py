"""How Standard Webhooks prove themselves: by one of several signatures over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhook_app.errors import BadSignatureError, ConfigurationError
from webhook_app.signing.hmac_schemes import HEX_DIGEST, SignatureDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
# Without a full stop: it parts the id from the time in what is signed, and must not be found at two places.
MESSAGE_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,128}")
SECONDS = re.compile(r"[0-9]{1,12}")
TOLERANCE = 5 * 60  # seconds, before and after: what the official libraries allow
SHORTEST_KEY = 24  # bytes
HOW_TO_MAKE_ONE = 'make one with: echo "whsec_$(openssl rand -base64 32)"'


@dataclass(frozen=True, slots=True)
class StandardWebhooks:
    """HMAC-SHA256 over id, time and raw body, several of them in one header; `clock` tells seconds since 1970.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    clock: Callable[[], float] = time.time

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Compare each `v1` signature in constant time with that of every secret; raises BadSignatureError."""
        given = _versions(_said(headers, WEBHOOK_SIGNATURE, "signature_missing"))
        identity = _said(headers, WEBHOOK_ID, "id_missing")
        timestamp = _said(headers, WEBHOOK_TIMESTAMP, "timestamp_missing")
        if not MESSAGE_ID.fullmatch(identity):
            raise BadSignatureError("id_malformed", f"{WEBHOOK_ID} is 1 to 128 visible ASCII characters, no full stop.")
        self._check(timestamp)
        start = f"{identity}.{timestamp}."
        matches = [_any_matches(given, start, body, [_key(secret)]) for secret in secrets]
        if not any(matches):
            raise BadSignatureError("signature_mismatch", _why(given, start, body, secrets))
        return matches.index(True)

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:
        """Return the three headers that prove `body` now. Raises ConfigurationError for a secret that is no key."""
        if fault := self.problem_with(secret):
            raise ConfigurationError([f"The secret {fault}"])
        identity, timestamp = identity or f"msg_{uuid.uuid4().hex}", str(int(self.clock()))
        digest = _digest_of(f"{identity}.{timestamp}.", body, _key(secret))
        return {WEBHOOK_ID: identity, WEBHOOK_TIMESTAMP: timestamp, WEBHOOK_SIGNATURE: f"v1,{digest}"}

    def problem_with(self, secret: str) -> str | None:
        """Say what keeps `secret` from being 24 bytes or more in base64."""
        key = _key(secret)
        if not key:
            return f"is not base64 (A-Z a-z 0-9 + / =), with or without whsec_ in front; {HOW_TO_MAKE_ONE}"
        if len(key) < SHORTEST_KEY:
            return f"is a key of {len(key)} bytes where at least {SHORTEST_KEY} are asked for; {HOW_TO_MAKE_ONE}"
        return None

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:
        """Return what this signature looks at: three headers and the body."""
        timestamp = headers.get(WEBHOOK_TIMESTAMP, "")
        return SignatureDescription(
            about=f"an HMAC-SHA256 of <{WEBHOOK_ID}>.<{WEBHOOK_TIMESTAMP}>.<raw body> with the key that the secret is "
            f"the base64 of, as v1,<base64> in {WEBHOOK_SIGNATURE}",
            carriers=((WEBHOOK_SIGNATURE,), (WEBHOOK_ID,), (WEBHOOK_TIMESTAMP,)),
            start=f"{headers.get(WEBHOOK_ID, '')}.{timestamp}.".encode(),
            sent_at=float(timestamp) if SECONDS.fullmatch(timestamp) else None,
        )

    def at(self, seconds: float) -> StandardWebhooks:
        """Return this signature with its clock standing at that time."""
        return replace(self, clock=lambda: seconds)

    def as_secret(self, key: bytes) -> str:
        """Write the bytes of a key in base64, with the usual prefix."""
        return f"whsec_{base64.b64encode(key).decode()}"

    def _check(self, timestamp: str) -> None:
        if not SECONDS.fullmatch(timestamp):
            raise BadSignatureError(
                "timestamp_malformed", f"{WEBHOOK_TIMESTAMP} is not a whole number of seconds since 1970."
            )
        age = self.clock() - int(timestamp)
        if abs(age) > TOLERANCE:
            name, side = ("timestamp_too_old", "old") if age > 0 else ("timestamp_too_new", "ahead of us")
            hint = f"{WEBHOOK_TIMESTAMP} is more than {TOLERANCE // 60} minutes {side}: sign anew for each attempt."
            raise BadSignatureError(name, f"{hint} Is the sender's clock right?")


def _said(headers: Mapping[str, str], header: str, missing: str) -> str:
    if not headers.get(header):
        raise BadSignatureError(missing, f"The request has no {header} header.")
    return headers[header]


def _versions(given: str) -> list[str]:
    """Return the signatures of version 1; `v1a` (ed25519) and those to come are passed over."""
    found = [part[3:] for part in given.split(" ") if part.startswith("v1,")]
    if not found:
        raise BadSignatureError("signature_malformed", f"{WEBHOOK_SIGNATURE} holds no v1,<base64> (HMAC-SHA256).")
    return found


def _key(secret: str) -> bytes:
    """Return the key that a secret stands for, empty if none; some providers show it as `v1,whsec_...`.

    https://github.com/standard-webhooks/standard-webhooks/issues/235
    """
    text = secret.strip().removeprefix("v1,").removeprefix("whsec_")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def _digest_of(start: str, body: bytes, key: bytes) -> str:
    signed = hmac.new(key, start.encode(), hashlib.sha256)
    signed.update(body)
    return base64.b64encode(signed.digest()).decode()


def _any_matches(given: Sequence[str], start: str, body: bytes, keys: Sequence[bytes]) -> bool:
    expected = [_digest_of(start, body, key).encode() for key in keys if key]
    proofs = [proof.encode("utf-8", "replace") for proof in given]
    matches = [hmac.compare_digest(digest, proof) for digest in expected for proof in proofs]
    return any(matches)


def _why(given: Sequence[str], start: str, body: bytes, secrets: Sequence[str]) -> str:
    texts = [secret.strip().removeprefix("v1,") for secret in secrets]
    raw = [text.encode("utf-8", "replace") for whole in texts for text in (whole, whole.removeprefix("whsec_"))]
    if _any_matches(given, start, body, raw):
        return "It is signed with the secret's text: the key is what comes out when base64 is decoded behind whsec_."
    if any(HEX_DIGEST.fullmatch(proof) for proof in given):
        return "This is a hex digest; Standard Webhooks are signed in base64."
    return "The secret is not this webhook's secret, or what was signed is not <id>.<timestamp>.<body> as it was sent."
