"""The address of a shop in normal form, as platforms and merchants write it in several ways."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

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
