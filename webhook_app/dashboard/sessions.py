"""Sessions as signed cookies; the inbox lists them and ends them before their time.

Why not Flask's own: docs/decisions/2026-11-26-dashboard-sessions.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from itsdangerous import BadData, URLSafeSerializer

from webhook_app.config.users import OWNER
from webhook_app.dashboard import login_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COOKIE = "tweakwise_dashboard"
DEVICE_COOKIE = "tweakwise_dashboard_device"
IDLE = 30 * 60  # seconds without a click, after which a session ends
LONGEST = 12 * 3600  # seconds after which it ends in any case
DEVICE_LONGEST = 180 * 24 * 3600  # seconds in which a browser that has signed in has a limit of its own
CLOCKS_APART = 60  # seconds between the clocks of two web processes
RENEWED_AFTER = 60  # seconds; the cookie is not written again for every click
# Makes guessing the password slow for someone who has both a cookie and the inbox; a process computes it once.
SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


# Separates the name of a user, for whom a cookie is, from what is signed.
SEPARATOR = ":"
DEFAULTS = (("user", OWNER), ("proxied", False))  # left out, as earlier versions do not know them


@dataclass(frozen=True, slots=True)
class Session:
    """One session; `signed_in` is False before the login. Times are seconds since 1970.

    `user` is who signed in; a `proxied` session is valid only where the proxy names the same user.
    """

    id: str
    csrf: str
    started: int
    last_seen: int
    signed_in: bool
    user: str = OWNER
    proxied: bool = False

    @classmethod
    def new(cls, now: int, *, signed_in: bool = False, user: str = OWNER, proxied: bool = False) -> Self:
        """Start a session with a new id and CSRF token."""
        return cls(secrets.token_hex(8), secrets.token_urlsafe(18), now, now, signed_in, user, proxied)

    @property
    def user_name(self) -> str:
        """The name of the user in records, "" for the shared password."""
        return "" if self.user == OWNER else self.user


class Sessions:
    """Writes and reads cookies; processes with the same inbox and password accept each other's."""

    def __init__(
        self,
        password: str | None,
        signing_key: Callable[[], bytes],
        clock: Callable[[], float] = time.time,
        hashes: Mapping[str, str] | None = None,
    ) -> None:
        """`signing_key` returns the random key of the inbox; it is called once, when a key is first needed.

        `password` is the shared one, None where there is none; `hashes` are those of users' passwords, by name.
        """
        self._password, self._signing_key, self._clock = (password or "").encode(), signing_key, clock
        self._hashes = hashes or {}
        self._signers: dict[tuple[str, bool], URLSafeSerializer] = {}

    @cached_property
    def _key(self) -> bytes:
        return self._signing_key()

    @cached_property
    def _anonymous(self) -> URLSafeSerializer:
        """The signer of cookies before the login, in which the password has no part."""
        return _signer(self._derived(b"anonymous"))

    @cached_property
    def _devices(self) -> URLSafeSerializer:
        return _signer(self._derived(b"device"))

    def _signer_of(self, user: str, *, proxied: bool) -> URLSafeSerializer | None:
        """Return the signer of a user's cookies, None where there is no such user: a new password ends every cookie."""
        if (user, proxied) not in self._signers:
            secret = self._credential(user, proxied=proxied)
            if secret is None:
                return None
            if proxied:  # any name may come
                return _signer(self._derived(secret))
            self._signers[user, proxied] = _signer(self._derived(secret))
        return self._signers[user, proxied]

    def _credential(self, user: str, *, proxied: bool) -> bytes | None:
        if proxied:
            return f"proxied {user}".encode()
        if user == OWNER and self._password:
            return hashlib.scrypt(self._password, salt=self._key, **SCRYPT)
        known = self._hashes.get(user)
        return f"user {user} {known}".encode() if known else None

    def _derived(self, purpose: bytes) -> bytes:
        return hmac.digest(self._key, purpose, "sha256")

    def now(self) -> int:
        """Return the time in seconds since 1970."""
        return int(self._clock())

    def accepts(self, password: str) -> bool:
        """Return whether the password is right, in constant time for any length."""
        given, right = password.encode("utf-8", "replace"), self._password
        return bool(right) and hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(right).digest())

    def read(self, cookie: str | None, proxied: str | None = None) -> Session | None:
        """Return the session of a cookie, None if its signature is invalid or it has expired.

        `proxied` is the user whom the proxy names: then only sessions of that name count, and otherwise none of these.
        """
        name, separator, signed = (cookie or "").partition(SEPARATOR)
        user, text = (name, signed) if separator else (OWNER, cookie)
        if proxied is not None and proxied != user:
            return None
        for signer, signed_in in ((self._signer_of(user, proxied=proxied is not None), True), (self._anonymous, False)):
            fields = _loaded(signer, text) if signer else {}
            if fields.get("signed_in") is signed_in:
                session = Session(**fields)
                return session if self._is_current(session) and session.user == user else None
        return None

    def _is_current(self, session: Session) -> bool:
        return self._within(session.last_seen, IDLE) and self._within(session.started, LONGEST)

    def _within(self, since: int, seconds: int) -> bool:
        """Return whether `since` is not longer ago; far in the future, a clock was ahead, and it does not count."""
        return -CLOCKS_APART <= self.now() - since <= seconds

    def write(self, session: Session) -> str:
        """Return the cookie of a session."""
        fields = {name: value for name, value in asdict(session).items() if (name, value) not in DEFAULTS}
        if not session.signed_in:
            return str(self._anonymous.dumps(fields))
        signer = self._signer_of(session.user, proxied=session.proxied) or self._anonymous
        prefix = "" if session.user == OWNER else f"{session.user}{SEPARATOR}"
        return f"{prefix}{signer.dumps(fields)}"

    def renewed(self, session: Session) -> Session:
        """Return the session as last seen now; unchanged if it was renewed a moment ago."""
        return replace(session, last_seen=self.now()) if self.now() - session.last_seen > RENEWED_AFTER else session

    def new_device(self, user: str) -> str:
        """Return the cookie of a browser in which a user has signed in; it opens nothing."""
        return str(self._devices.dumps({"device": secrets.token_hex(8), "since": self.now(), "user": user}))

    def limits(self, address: str | None, device_cookie: str | None, user: str | None) -> dict[str, int]:
        """Return how many attempts to sign in as `user` may fail, by source.

        A browser in which the same user has signed in has a limit of its own, which no flood from elsewhere uses up.
        For other users it has none: each login makes a new cookie, with which anyone could go on guessing.
        """
        known = _loaded(self._devices, device_cookie)
        is_known = known.get("device") and user is not None and known.get("user") == user
        if is_known and self._within(known["since"], DEVICE_LONGEST):
            return {self._hash(f"device {known['device']}"): login_limits.PER_PLACE}
        return {
            self.source(address): login_limits.PER_PLACE,
            self._hash(f"network {login_limits.network(address)}"): login_limits.PER_NETWORK,
            login_limits.EVERYWHERE: login_limits.IN_ALL,
        }

    def source(self, address: str | None) -> str:
        """Return a keyed hash of an address or its network, which distinguishes places without revealing them."""
        return self._hash(login_limits.place(address))

    def _hash(self, text: str) -> str:
        return hmac.digest(self._derived(b"source"), text.encode(), "sha256").hex()[:10]


def _signer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(key, salt="session", signer_kwargs={"digest_method": hashlib.sha256})


def _loaded(signer: URLSafeSerializer, cookie: str | None) -> dict[str, Any]:
    try:
        fields = signer.loads(cookie or "")
    except BadData:
        return {}
    return fields if isinstance(fields, dict) else {}
