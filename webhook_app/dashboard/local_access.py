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
# A proxy or a tunnel writes one of these; nginx as it comes writes none, and speaks a version that no browser does.
FORWARDED = (
    *("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_X_ORIGINAL", "HTTP_VIA"),
    *("HTTP_CF_", "HTTP_CDN_", "HTTP_TRUE_CLIENT_IP", "HTTP_X_ENVOY_", "HTTP_X_TUNNEL_", "HTTP_TAILSCALE_"),
)
OLD_VERSIONS = ("HTTP/0.9", "HTTP/1.0")


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
        if _host(environ) not in LOCAL or not is_loopback(str(environ.get("REMOTE_ADDR", ""))):
            return None
        if _is_forwarded(environ) or Path(os.environ.get(OPEN, "")).is_file():
            return None
        return NAME


def _host(environ: Mapping[str, Any]) -> str:
    try:
        return urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
    except ValueError:
        return ""


def _is_forwarded(environ: Mapping[str, Any]) -> bool:
    is_old = environ.get("SERVER_PROTOCOL") in OLD_VERSIONS
    return is_old or any(name.startswith(FORWARDED) for name in environ)


def is_loopback(address: str) -> bool:
    """Return whether a text is an address with which only this machine reaches itself."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
