"""What all outgoing connections of a process share, whichever library makes them, through the environment.

They trust the authorities of CA_BUNDLE, and no proxy of HTTP_PROXY and the like gets a request to this machine itself:
it would look for the address on its own one.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from marshmallow import ValidationError

from webhook_app.config.validators import UNIX, validate_authorities

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings

# Read by requests and what is built upon it; by Python's own TLS, which sends e-mail, and by programs that are started.
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
EXEMPT = "no_proxy"  # every library reads it before NO_PROXY
MARK, SEPARATOR = "WEBHOOKS_SHARED_", "|"  # what the variable was before, and what it was set to
LOOPBACK = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")
ALL = "*"


def share(config: Settings) -> None:
    """Let every connection of this process, and of those that it starts, follow the settings; again after a reload."""
    for name in AUTHORITIES:
        _share(name, config.ca_bundle or "")
    listed = _given(EXEMPT) or os.environ.get(EXEMPT.upper(), "")
    _share(EXEMPT, "" if listed.strip() == ALL else ",".join(filter(None, [listed, *_own_names(config)])))


def is_loopback(url: str) -> bool:
    """Return whether an address is one of this machine alone."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def authorities_fault() -> str:
    """Return why CA_BUNDLE cannot be used now, though it could be when the process started; "" where it can."""
    path = os.environ.get(AUTHORITIES[0], "")
    try:
        if path:
            validate_authorities(path)
    except ValidationError as error:
        return f"CA_BUNDLE: {error.messages[0]}"
    return ""


def _own_names(config: Settings) -> list[str]:
    is_own = not config.bind.startswith(UNIX) and not ip_address(config.bind).is_unspecified
    return [*LOOPBACK, config.bind] if is_own and config.bind not in LOOPBACK else [*LOOPBACK]


def _given(name: str) -> str:
    """Return a variable as it was before it was shared."""
    value = os.environ.get(name, "")
    before, _, shared = os.environ.get(MARK + name, SEPARATOR).partition(SEPARATOR)
    return before if value == shared else value


def _share(name: str, value: str) -> None:
    """Set a variable, or what it was before where there is no value."""
    before = _given(name)
    os.environ.pop(MARK + name, None)
    if value:
        os.environ[MARK + name] = f"{before}{SEPARATOR}{value}"
    if value or before:
        os.environ[name] = value or before
    else:
        os.environ.pop(name, None)
