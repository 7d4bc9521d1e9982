"""Sessions: a signed cookie that says since when somebody is signed in; nothing of it is stored here."""

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
RENEWED_AFTER = 60  # seconds; a cookie is not written anew for every click
# Work for who steals a cookie and tries passwords on it; the process does it once, at its start.
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
# IPv6 gives a household at least that much: https://www.rfc-editor.org/rfc/rfc6177
HOUSEHOLD = 64  # bits


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks; `signed_in` is False while only the login form is shown. Times are seconds since 1970."""

    id: str
    csrf: str
    began: int
    seen: int
    signed_in: bool

    @classmethod
    def new(cls, now: int, *, signed_in: bool = False) -> Self:
        """Begin a session with a name and a CSRF token of its own."""
        return cls(secrets.token_hex(4), secrets.token_urlsafe(18), now, now, signed_in)


class Sessions:
    """Writes and reads cookies; all processes with the same password understand each other's."""

    def __init__(self, password: str, clock: Callable[[], float] = time.time) -> None:
        """The signing key is made from the password: changing it ends every session."""
        key = hashlib.scrypt(password.encode(), salt=b"tweakwise webhook dashboard", **SCRYPT)
        self._signer = URLSafeSerializer(key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})
        self._source_key = hmac.digest(key, b"source", "sha256")
        self._password = hashlib.sha256(password.encode()).digest()
        self._clock = clock

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self._clock())

    def accepts(self, password: str) -> bool:
        """Compare in constant time, whatever the length."""
        return hmac.compare_digest(hashlib.sha256(password.encode("utf-8", "replace")).digest(), self._password)

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, None where it is not ours, or over."""
        try:
            session = Session(**self._signer.loads(cookie or ""))
        except (BadData, TypeError):
            return None
        over = self.now() - session.seen > IDLE or self.now() - session.began > LONGEST
        return None if over else session

    def write(self, session: Session) -> str:
        """Return the cookie of a session."""
        said: dict[str, Any] = asdict(session)
        return str(self._signer.dumps(said))

    def renewed(self, session: Session) -> Session:
        """Return the session as of now, the same one where it was seen a moment ago."""
        return replace(session, seen=self.now()) if self.now() - session.seen > RENEWED_AFTER else session

    def source(self, address: str | None) -> str:
        """Tell places apart without naming them: a keyed hash of the address, or of the network it belongs to."""
        return hmac.digest(self._source_key, _place(address or "").encode(), "sha256").hex()[:10]


def _place(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 6:  # noqa: PLR2004 - the version of the protocol
        return str(ipaddress.ip_network((known, HOUSEHOLD), strict=False))
    return address
