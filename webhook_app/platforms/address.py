"""The address of a shop in normal form, as platforms and merchants write it in several ways."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

LONGEST = 255  # characters
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/*", re.IGNORECASE)
DEFAULT_PORT = re.compile(r":(?:80|443)?$")
UNUSUAL = re.compile(r"[^\x21-\x7e]")


@lru_cache(maxsize=1024)
def normal_form(text: str) -> str:
    """Return the host in lower case and the path, without scheme, `www.`, usual port, query or trailing slash.

    `https://www.Acme.example/` and `acme.example` are the same shop. The path stays: a shop may be one of several on
    its host, and a copy of it for tests often is. Names outside ASCII become those of the domain name system. Raises
    nothing; the result is visible ASCII of at most 255 characters, "" where nothing is left.
    """
    text = text[:LONGEST].strip()
    scheme = SCHEME.match(text)
    rest = text[scheme.end() :] if scheme and "/" in scheme[0] else text.lstrip("/")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, _, path = rest.partition("/")
    return UNUSUAL.sub("", f"{_host(host)}/{path}").rstrip("/")[:LONGEST]


def _host(text: str) -> str:
    """Return a host, perhaps with a port, as the domain name system writes it."""
    with suppress(UnicodeError):
        # A header's bytes were read as Latin-1, and most servers send UTF-8.
        text = text.encode("latin-1").decode()
    host = DEFAULT_PORT.sub("", text.rpartition("@")[2].lower()).rstrip(".")
    with suppress(UnicodeError):
        host = host if host.isascii() else host.encode("idna").decode()
    return host.removeprefix("www.")


def is_base(text: str) -> bool:
    """Return whether paths of an API can be added to an address, and it is none of the machine's own network.

    The receiver sends the credentials of the confirmation there: a query or a fragment would choose what it asks, and
    link-local addresses are those of a cloud's services (169.254.169.254).
    """
    try:
        parts = urlsplit(text)
        is_http = parts.scheme in {"http", "https"} and parts.port != 0 and bool(normal_form(text))
    except ValueError:
        return False
    is_plain = text.isprintable() and not {"?", "#", "@", "\\", " "}.intersection(text)
    return is_http and is_plain and not _is_link_local(parts.hostname or "")


def _is_link_local(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return not host
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_link_local or address.is_multicast or address.is_unspecified
