"""Who may sign in: the shared password, users with a password, and users whom a trusted proxy names."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from threading import Lock
from typing import TYPE_CHECKING, Any

from werkzeug.security import check_password_hash

from webhook_app import green_threads
from webhook_app.config.users import ANYONE, NAME, OWNER, Role, User
from webhook_app.config.validators import networks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings

# Compared with the password of a user who does not exist, so that the time of an answer does not show who does.
NO_HASH = f"scrypt:32768:8:1${'x' * 16}${'0' * 128}"
LONGEST_PASSWORD = 1024  # characters


class Accounts:
    """The users by name, and whether a password is right."""

    def __init__(self, users: Mapping[str, User], *, has_owner: bool) -> None:
        """`has_owner`: whether DASHBOARD_PASSWORD is set, whose user has all roles and sees all shops."""
        owner = {OWNER: User(OWNER, frozenset(Role))} if has_owner else {}
        self._users, self._has_owner = {**users, **owner}, has_owner
        self._one_at_a_time = Lock()

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes of the users with a password, by name."""
        return {name: user.password_hash for name, user in self._users.items() if user.password_hash}

    def of_name(self, name: str) -> User | None:
        """Return the user who signs in under a name."""
        return self._users.get(name.strip().lower()) if name != ANYONE else None

    def of_proxy(self, name: str) -> User | None:
        """Return the user whom a proxy names: never that of DASHBOARD_PASSWORD, whose rights no table gives."""
        if not name or (name == OWNER and self._has_owner):
            return None
        anyone = self._users.get(ANYONE)
        return self.of_name(name) or (replace(anyone, name=name) if anyone else None)

    def accepts(self, user: User | None, password: str) -> bool:
        """Return whether a password is that of a user; it takes the same time where there is no such user.

        One at a time, in a system thread: it takes a tenth of a second, in which webhooks are stored.
        """
        wanted = user.password_hash if user and user.password_hash and len(password) <= LONGEST_PASSWORD else None
        with self._one_at_a_time:
            right = green_threads.in_thread(check_password_hash, wanted or NO_HASH, password[:LONGEST_PASSWORD])
        return bool(right and wanted)


class ProxyIdentity:
    """Reads who a proxy says that a visitor is: only of requests that the proxy itself has sent."""

    def __init__(self, config: Settings) -> None:
        """Without DASHBOARD_IDENTITY_HEADER, no request has an identity."""
        header = config.dashboard_identity_header
        self._variable = f"HTTP_{header.upper().replace('-', '_')}" if header else ""
        self._networks, self._hops = networks(config.dashboard_identity_networks), config.trusted_proxies

    def name(self, environ: Mapping[str, Any]) -> str | None:
        """Return the name; None where the request did not come through the proxies, "" for a text that is no name."""
        given = environ.get(self._variable) if self._variable else None
        if given is None or not self._is_from_proxy(environ):
            return None
        name = str(given).strip().lower()
        return name if NAME.fullmatch(name) else ""

    def _is_from_proxy(self, environ: Mapping[str, Any]) -> bool:
        """Return whether each trusted proxy has written whom it serves, and the last one is in a trusted network."""
        original = environ.get("werkzeug.proxy_fix.orig", environ)
        hops = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
        try:
            peer = ip_address(str(original.get("REMOTE_ADDR", "")).partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return len([hop for hop in hops if hop.strip()]) >= self._hops > 0 and any(
            peer in one for one in self._networks
        )
