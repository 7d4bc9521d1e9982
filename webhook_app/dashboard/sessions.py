"""Sessions as signed cookies, which hold when someone signed in; nothing is stored on the server.

Why not Flask's own: docs/decisions/2026-11-26-dashboard-sessions.md.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from itsdangerous import BadData, URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE = "tweakwise_dashboard"
IDLE = 30 * 60  # seconds without a click, after which a session ends
LONGEST = 12 * 3600  # seconds after which it ends in any case
RENEWED_AFTER = 60  # seconds; the cookie is not written again for every click
# Makes guessing the password from a stolen cookie slow; a process computes it once, when it starts.
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
# An IPv6 customer gets a network of at least this size: https://www.rfc-editor.org/rfc/rfc6177
IPV6_PREFIX = 64  # bits


@dataclass(frozen=True, slots=True)
class Session:
    """One session; `signed_in` is False before the login. Times are seconds since 1970."""

    id: str
    csrf: str
    started: int
    last_seen: int
    signed_in: bool

    @classmethod
    def new(cls, now: int, *, signed_in: bool = False) -> Self:
        """Start a session with a new id and CSRF token."""
        return cls(secrets.token_hex(4), secrets.token_urlsafe(18), now, now, signed_in)


class Sessions:
    """Writes and reads cookies; processes with the same password accept each other's."""

    def __init__(self, password: str, clock: Callable[[], float] = time.time) -> None:
        """The signing key is derived from the password: changing the password ends every session."""
        key = hashlib.scrypt(password.encode(), salt=b"tweakwise webhook dashboard", **SCRYPT)
        self._signer = URLSafeSerializer(key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})
        self._source_key = hmac.digest(key, b"source", "sha256")
        self._password = hashlib.sha256(password.encode()).digest()
        self._clock = clock

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self._clock())

    def accepts(self, password: str) -> bool:
        """Return whether the password is right, in constant time for any length."""
        return hmac.compare_digest(hashlib.sha256(password.encode("utf-8", "replace")).digest(), self._password)

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, None if its signature is invalid or it has expired."""
        try:
            session = Session(**self._signer.loads(cookie or ""))
        except (BadData, TypeError):
            return None
        # One that is dated in the future, because the clock was ahead, would not expire before then.
        valid = -IDLE <= self.now() - session.last_seen <= IDLE and self.now() - session.started <= LONGEST
        return session if valid else None

    def write(self, session: Session) -> str:
        """Return the cookie of a session."""
        fields: dict[str, Any] = asdict(session)
        return str(self._signer.dumps(fields))

    def renewed(self, session: Session) -> Session:
        """Return the session as last seen now; unchanged if it was renewed a moment ago."""
        return replace(session, last_seen=self.now()) if self.now() - session.last_seen > RENEWED_AFTER else session

    def source(self, address: str | None) -> str:
        """Return a keyed hash of an address or its network, which distinguishes places without revealing them."""
        return hmac.digest(self._source_key, _place(address or "").encode(), "sha256").hex()[:10]


def _place(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 6:  # noqa: PLR2004 - the version of the protocol
        return str(ipaddress.ip_network((known, IPV6_PREFIX), strict=False))
    return address
