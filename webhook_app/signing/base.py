"""What every signature scheme offers: verify() beside sign(), and a description that explains failures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def fingerprint(secret: str) -> str:
    """Return 8 hex digits of the secret's SHA-256, which identify a secret without revealing it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def is_plain(content_encoding: str) -> bool:
    """Return whether a Content-Encoding header leaves the body as it was signed: absent, empty or `identity`."""
    return not content_encoding or all(
        coding.strip() in ("", "identity") for coding in content_encoding.lower().split(",")
    )


@dataclass(frozen=True, slots=True)
class SignatureDescription:
    """What a scheme reads from a request, for explaining why verification fails.

    `summary` names in plain words what is signed, how, and the header that carries the signature. `headers` are the
    headers that the scheme needs, the signature's first; each is a tuple of accepted names, the usual one first.
    `prefix` is signed before the body. `sent_at` is the signed time of sending in seconds since 1970, None where the
    scheme signs no time.
    """

    summary: str
    headers: tuple[tuple[str, ...], ...]
    prefix: bytes = b""
    sent_at: float | None = None


class SignatureScheme(Protocol):
    """A way to sign webhooks; a platform holds one. Header names are in lower case."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the BadSignatureError that verify() raises."""

    def verify(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> int:
        """Return the index in `secrets` of the one that signed `body`; raises BadSignatureError and nothing else."""

    def sign(self, body: bytes, secret: str, identity: str = "") -> dict[str, str]:
        """Return the headers that sign `body`; `identity` is the delivery's id, for schemes that sign it too."""

    def problem_with(self, secret: str) -> str | None:
        """Return why a configured secret is unusable, in a sentence that does not contain it; None if it is usable."""

    def describe(self, headers: Mapping[str, str]) -> SignatureDescription:
        """Return what this scheme reads from a request with these headers."""

    def with_clock_at(self, seconds: float) -> SignatureScheme:
        """Return this scheme with its clock fixed at that time, in seconds since 1970."""

    def encode_secret(self, key: bytes) -> str:
        """Return the secret, as it would be configured, that stands for these key bytes."""
