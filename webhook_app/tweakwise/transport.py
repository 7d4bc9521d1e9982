"""One call to the Tweakwise Analytics API over libcurl: how it is written, and what came of it, never an exception."""

from __future__ import annotations

import math
import select
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import certifi
import pycurl

from webhook_app.tweakwise.retry_policy import Failure

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.tweakwise.call import Call

LONGEST_ANSWER = 2000  # bytes kept of an answer that is not 2xx; what is longer is not read to its end
LONGEST_IDLE = 3  # whole seconds after which a connection is not used again; Apache and Node.js hang up after 5

# Codes of https://curl.se/libcurl/c/libcurl-errors.html that come before a request can be on its way.
UNSENT = {
    pycurl.E_URL_MALFORMAT: "dns",  # a name that no name server could know
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_UNSUPPORTED_PROTOCOL: "connect",
    pycurl.E_COULDNT_CONNECT: "connect",
    pycurl.E_SSL_CONNECT_ERROR: "tls",
    pycurl.E_SSL_CERTPROBLEM: "tls",
    pycurl.E_SSL_CIPHER: "tls",
    pycurl.E_SSL_CACERT_BADFILE: "tls",
    pycurl.E_SSL_INVALIDCERTSTATUS: "tls",
    pycurl.E_SSL_ISSUER_ERROR: "tls",
    pycurl.E_PEER_FAILED_VERIFICATION: "tls",
}

OPTIONS: dict[int, Any] = {
    pycurl.POST: True,
    # One connection a call: an HTTP/2 connection that breaks would leave all calls on it in doubt at once.
    pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
    pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
    pycurl.CAINFO: certifi.where(),
    pycurl.PROXY: "",  # the environment has no say in where a merchant's events go
    pycurl.NOSIGNAL: True,  # signals belong to the worker
    pycurl.USERAGENT: "tweakwise-webhook-receiver",
    pycurl.MAXAGE_CONN: LONGEST_IDLE,
}


class Request(NamedTuple):
    """What goes over the wire."""

    url: bytes
    headers: list[str]
    body: bytes

    @classmethod
    def of(cls, call: Call, shop: Shop, url: str, content_type: str) -> Self:
        """Write `call` for `shop`; `url` is where it goes unless the shop names another."""
        address = f"{(shop.tweakwise_url or url).rstrip('/')}/api/{call.event}"
        # An empty Expect keeps libcurl from asking for 100 Continue first.
        headers = [f"Instance-Key: {shop.instance_key}", f"Content-Type: {content_type}", "Expect:"]
        if shop.source:
            headers.append(f"TWN-Source: {shop.source}")
        return cls(address.encode(), headers, call.as_json().encode())


class IdleConnections:
    """The connections that wait for their next request, by the port at our end.

    libcurl looks only once a second which of them the other side has left. A request that ran into such a connection
    would be in doubt, though nobody ever read it.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, int] = {}
        self._ports: dict[int, int] = {}

    def add(self, port: int, descriptor: int) -> None:
        """Remember a connection that an exchange has left behind; -1 when it left none."""
        if descriptor >= 0:
            self._sockets.pop(self._ports.get(descriptor, 0), None)  # libcurl does not say which ones it has closed
            self._ports[descriptor], self._sockets[port] = port, descriptor

    def broken(self, port: int) -> bool:
        """Say whether the other side hung up or spoke out of turn, and forget the connection; False for a new one."""
        descriptor = self._sockets.pop(port, None)
        if descriptor is None:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))


class Transfer:
    """A request and its answer, one after the other over the same handle: making one costs more than a call."""

    def __init__(self, timeout: float, kept: IdleConnections) -> None:
        """`timeout` is in seconds, for a whole exchange; `kept` is shared by all that share connections."""
        self.handle = pycurl.Curl()
        self._kept = kept
        self._head: list[bytes] = []
        self._answer = bytearray()
        for option, value in OPTIONS.items():
            self.handle.setopt(option, value)
        self.handle.setopt(pycurl.TIMEOUT_MS, round(timeout * 1000))
        self.handle.setopt(pycurl.HEADERFUNCTION, self._head.append)
        self.handle.setopt(pycurl.WRITEFUNCTION, self._keep)
        self.handle.setopt(pycurl.PREREQFUNCTION, self._before)

    def prepare(self, request: Request) -> None:
        """Take `request` as the next one. Raises ValueError for an odd address."""
        self._head.clear()
        self._answer.clear()
        self.handle.setopt(pycurl.URL, request.url)
        self.handle.setopt(pycurl.HTTPHEADER, request.headers)
        self.handle.setopt(pycurl.POSTFIELDSIZE, len(request.body))
        # A body that libcurl cannot rewind is never sent twice: by itself it repeats a request when a connection that
        # was kept alive breaks before the answer, and nobody would know whether the event was counted already.
        self.handle.setopt(pycurl.READFUNCTION, BytesIO(request.body).read)

    @property
    def status(self) -> int:
        """The status that was answered, 0 as long as there is none."""
        status: int = self.handle.getinfo(pycurl.RESPONSE_CODE)
        return status if status >= 200 else 0  # noqa: PLR2004 - 1xx announces an answer and is none

    def was_held_back(self, code: int) -> bool:
        """Say whether nothing was sent because the connection turned out to be broken: another one will do."""
        return code == pycurl.E_ABORTED_BY_CALLBACK and not self.handle.getinfo(pycurl.REQUEST_SIZE)

    def outcome(self, code: int) -> Failure | None:
        """Say what came of it; `code` is libcurl's, and counts only where no status was said."""
        if code == pycurl.E_OK:
            self._kept.add(self.handle.getinfo(pycurl.LOCAL_PORT), self.handle.getinfo(pycurl.ACTIVESOCKET))
        status = self.status
        if not status:
            return Failure(self._trouble(code))
        if status < 300:  # noqa: PLR2004 - any 2xx
            return None
        after = retry_after(self._header("retry-after"), datetime.now(UTC))
        return Failure(f"http_{status}", status, after, self._answer[:LONGEST_ANSWER].decode("utf-8", "replace"))

    def _before(self, _host: str, _ours: str, _port: int, our_port: int) -> int:
        return pycurl.PREREQFUNC_ABORT if self._kept.broken(our_port) else pycurl.PREREQFUNC_OK

    def _keep(self, piece: bytes) -> int:
        self._answer += piece
        return len(piece) if len(self._answer) <= LONGEST_ANSWER else 0  # libcurl stops where not all is taken

    def _header(self, name: str) -> str | None:
        for line in self._head:
            key, _, value = line.decode("latin-1").partition(":")
            if key.lower() == name:
                return value.strip()
        return None

    def _trouble(self, code: int) -> str:
        """Name a failure without an answer: dns, connect, tls, timeout or reset."""
        if self.handle.getinfo(pycurl.REQUEST_SIZE):
            return "timeout" if code == pycurl.E_OPERATION_TIMEDOUT else "reset"
        return self._stage() if code == pycurl.E_OPERATION_TIMEDOUT else UNSENT.get(code, "reset")

    def _stage(self) -> str:
        """Name what an unsent request was waiting for."""
        if not self.handle.getinfo(pycurl.NAMELOOKUP_TIME):
            return "dns"
        return "tls" if self.handle.getinfo(pycurl.CONNECT_TIME) else "connect"


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds or as a date, as seconds from `now`; None when it says nothing."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
