"""Refuses what other pages of a browser send to the sandbox, which has no password."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import abort

if TYPE_CHECKING:
    from flask import Request

READING = ("GET", "HEAD")
OWN = ("same-origin", "none")  # a page of the sandbox itself, or what a person typed


def refuse_other_sites(request: Request) -> None:
    """Abort with 403 where a name that is not this machine's led here (DNS rebinding), or another site sent it.

    Programs that are no browser send none of the headers that are looked at, apart from Host. Following a link is
    allowed: a page that links here cannot read the answer.
    """
    host = request.headers.get("Host", "")
    if not is_local(host):
        abort(403, "Open the sandbox as http://127.0.0.1 or http://localhost: another name may be a trap.")
    if not _is_own(request, host) and not _is_link(request):
        abort(403, "Another page sent this. Use the pages of the sandbox itself.")


def is_local(host: str) -> bool:
    """Return whether the value of a Host header names this machine itself; without one no browser sent it."""
    if not host:
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _is_own(request: Request, host: str) -> bool:
    """Browsers that do not send Sec-Fetch-Site name the origin of everything but a GET."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in OWN
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == host


def _is_link(request: Request) -> bool:
    return request.method in READING and request.headers.get("Sec-Fetch-Mode") == "navigate"
