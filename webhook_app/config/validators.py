"""Validates values of the configuration; no message quotes a value, because many hold a password or a secret."""

from __future__ import annotations

import base64
import re
import ssl
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from marshmallow import ValidationError

from webhook_app.config import unreadable

SQLITE = "sqlite:///"
POSTGRES = ("postgres://", "postgresql://")
UNIX = "unix:"
LONGEST_SOCKET_PATH = 107  # bytes: https://man7.org/linux/man-pages/man7/unix.7.html
SHORTEST_PASSWORD = 12
MAKE_ONE = "make one with: openssl rand -base64 18"
STRONG = 4  # of zxcvbn's scores 0 to 4: more than 10^10 guesses
LONGEST_JUDGED = 72  # characters: zxcvbn takes no more
OWN_WORDS = ["tweakwise", "webhook", "webhooks", "dashboard"]
SLOWEST, FASTEST = 0.01, 1_000_000  # calls a second: one in 100 seconds is within the pause before a probe
ALERT_SCHEME = re.compile(r"[a-z][a-z0-9]{1,30}")
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,63}")
# What clients send themselves, or proxies for other purposes.
TAKEN_HEADERS = frozenset({"host", "cookie", "authorization", "user-agent", "origin", "referer", "accept", "forwarded"})
SHORTEST_TOKEN, FEWEST_SIGNS = 16, 8  # characters, and different ones
SHORTEST_SECRETS_KEY = 32  # characters
SHORTEST_KEY = 24  # bytes: https://www.standardwebhooks.com


def validate_password(value: str) -> None:
    """Refuse a password that is short or easy to guess. Raises marshmallow's ValidationError."""
    validate_length(value)
    if not _is_strong(value[:LONGEST_JUDGED]):
        raise ValidationError(f"easy to guess (common words, names, dates or patterns); {MAKE_ONE}")


def validate_length(value: str | None) -> None:
    """Refuse a short password. Raises marshmallow's ValidationError."""
    if value is not None and len(value) < SHORTEST_PASSWORD:
        raise ValidationError(f"shorter than {SHORTEST_PASSWORD} characters; {MAKE_ONE}")


def validate_token(value: str | None) -> None:
    """Refuse a bearer token that is not random: nothing limits how often one may be guessed."""
    if value is not None and (len(value) < SHORTEST_TOKEN or len(set(value)) < FEWEST_SIGNS):
        expected = f"expected at least {SHORTEST_TOKEN} characters, {FEWEST_SIGNS} of them different"
        raise ValidationError(f"{expected}; make one with: openssl rand -hex 24")


@lru_cache(maxsize=1)
def _is_strong(password: str) -> bool:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists of words take 15 MB, only to judge a password

    return bool(zxcvbn(password, user_inputs=OWN_WORDS)["score"] >= STRONG)


def validate_database_url(value: str) -> None:
    """Refuse what is not the address of a database. Raises marshmallow's ValidationError."""
    if value.startswith(POSTGRES):
        _validate_postgres_url(value)
    elif not value.startswith(SQLITE) or value in (SQLITE, f"{SQLITE}:memory:"):
        raise ValidationError(f"expected {SQLITE}var/inbox.db or postgres://<user>:<password>@<host>:<port>/<database>")


def _validate_postgres_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        valid = parts.port != 0 and (bool(parts.hostname) or "host=" in parts.query) and len(parts.path) > 1
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError("expected postgres://<user>:<password>@<host>:<port>/<database>")


def validate_rate(value: float | None) -> None:
    """Refuse a rate at which nothing would be sent for hours. Raises marshmallow's ValidationError."""
    if value is not None and not SLOWEST <= value <= FASTEST:
        raise ValidationError(f"expected calls a second, from {SLOWEST} to {FASTEST}")


def validate_header_name(value: str) -> None:
    """Refuse what is not the name of a header that a proxy may add. Raises marshmallow's ValidationError."""
    if not HEADER_NAME.fullmatch(value) or value.lower() in TAKEN_HEADERS:
        raise ValidationError("expected the name of a header that only the proxy writes, such as X-Forwarded-User")


def validate_networks(value: str) -> None:
    """Refuse what is not a list of networks. Raises marshmallow's ValidationError."""
    try:
        networks(value)
    except ValueError:
        raise ValidationError("expected addresses or networks with commas, such as 10.0.0.0/8,::1") from None


def networks(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that a text lists. Raises ValueError."""
    return tuple(ip_network(one.strip()) for one in value.split(","))


def validate_standard_secret(value: str) -> None:
    """Refuse what is not a secret of https://www.standardwebhooks.com. Raises marshmallow's ValidationError."""
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < SHORTEST_KEY:
        raise ValidationError("expected whsec_ and at least 24 bytes in base64, e.g. whsec_$(openssl rand -base64 32)")


def validate_bind(value: str) -> None:
    """Refuse what is neither an IP address without a port nor a Unix socket. Raises marshmallow's ValidationError."""
    if value.startswith(UNIX):
        if not value.startswith(f"{UNIX}/") or len(value.removeprefix(UNIX).encode()) > LONGEST_SOCKET_PATH:
            raise ValidationError(f"expected unix: and an absolute path of at most {LONGEST_SOCKET_PATH} bytes")
        return
    try:
        ip_address(value)
    except ValueError:
        raise ValidationError(
            "expected an IP address of this machine, such as 127.0.0.1, 0.0.0.0 or :: for all, or "
            "unix:/path/of/a.sock; one, without brackets, and its port in PORT"
        ) from None


def validate_alert_addresses(value: str) -> None:
    """Refuse what is not one address for alerts, or several with spaces between. Raises marshmallow's ValidationError.

    What is not HTTP is an address of apprise: https://appriseit.com/services/.
    """
    for address in value.split():
        scheme = address.partition("://")[0].lower()
        if scheme in ("http", "https"):
            validate_http_url(address)
        elif not ALERT_SCHEME.fullmatch(scheme) or "://" not in address:
            raise ValidationError(
                "expected addresses such as https://ops.example.com/webhooks, mailtos://... or pagerduty://..., with "
                "spaces between them"
            )


def validate_authorities(path: str) -> None:
    """Refuse a file that holds no certificates, or cannot be read. Raises marshmallow's ValidationError."""
    try:
        known = ssl.create_default_context(cafile=path).cert_store_stats()["x509"]
    except ssl.SSLError:
        known = 0
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = unreadable.why(Path(path), error) if isinstance(error, OSError) else error
        raise ValidationError(f"the file cannot be used ({why})") from None
    if not known:
        raise ValidationError("the file holds no certificates that could be read (PEM)")


def validate_proxy(value: str) -> None:
    """Refuse what is not the address of an HTTP proxy. Raises marshmallow's ValidationError."""
    if not _is_http_url(value):
        raise ValidationError("expected the address of an HTTP proxy, http://<user>:<password>@<host>:<port>")


def validate_http_url(value: str) -> None:
    """Refuse what is not an http(s) address. Raises marshmallow's ValidationError."""
    if not _is_http_url(value):
        raise ValidationError("expected an address such as https://navigator-analytics.tweakwise.com")


def _is_http_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
        is_server = _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False
    is_written = unquote(value).isprintable() and not any(map(str.isspace, value))
    return parts.scheme in ("http", "https") and is_server and is_written


def _is_host(name: str) -> bool:
    """Return whether a name can be looked up. Raises UnicodeError for a part of it that is empty or too long."""
    return bool(name.encode("idna")) and (":" in name or "%" not in name)  # of IPv6, % precedes the interface


def validate_secrets_key(value: str | None) -> None:
    """Refuse a key, or one of several separated by commas, that is too short to be random."""
    if value is not None and any(len(key.strip()) < SHORTEST_SECRETS_KEY for key in value.split(",")):
        raise ValidationError(f"a key has fewer than {SHORTEST_SECRETS_KEY} characters; make one: openssl rand -hex 32")
