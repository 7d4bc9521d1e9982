"""The dashboard without a password: beside a sandbox, for browsers of this machine, while no tunnel is open."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from webhook_app.config.users import Role, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings

# Set by `run --sandbox` and `dev`: a file that is there while a tunnel to the receiver is open.
OPEN = "WEBHOOKS_OPEN_DASHBOARD"
NAME = "local"  # of the user, in audit events
USERS = {NAME: User(NAME, frozenset(Role))}
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# A proxy or a tunnel writes one of these.
FORWARDED = ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_REAL_IP", "CF_CONNECTING_IP", "VIA")


def is_open(config: Settings) -> bool:
    """Return whether a process with this configuration opens its dashboard without a password."""
    closed = config.dashboard_password or config.dashboard_identity_header or config.trusted_proxies
    return bool(os.environ.get(OPEN)) and not closed and is_loopback(config.bind)


class LocalIdentity:
    """Takes each browser of this machine for a user with all roles.

    The name in the address must be this machine's too: another site's name may lead here, and its scripts with it.
    """

    def name(self, environ: Mapping[str, Any]) -> str | None:
        """Return the user's name; None for requests that may come from elsewhere."""
        host = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
        if host not in LOCAL or not is_loopback(str(environ.get("REMOTE_ADDR", ""))):
            return None
        if any(f"HTTP_{header}" in environ for header in FORWARDED) or Path(os.environ.get(OPEN, "")).is_file():
            return None
        return NAME


def is_loopback(address: str) -> bool:
    """Return whether a text is an address with which only this machine reaches itself."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
