"""One call to the Tweakwise Analytics API over libcurl: writes the request and names its outcome; never raises."""

from __future__ import annotations

import os
import select
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import quote, urlsplit, urlunsplit

import certifi
import pycurl

from webhook_app.config import network
from webhook_app.tweakwise.retry_after import retry_after
from webhook_app.tweakwise.retry_policy import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.tweakwise.call import Call

MAX_ANSWER = 2000  # bytes stored of a response that is not 2xx; a longer one is not read to its end
INTERNAL = "Internal-Traffic"  # the label of employees and tests: https://docs.tweakwise.com (Analytics API)
PASSED_ON = 200  # the answer of a proxy that connects
UNCHANGED = "!#$%&'()*+,/:;=?@[]~"  # in an address: what may stand there, and what is encoded already
# A renewed CA_BUNDLE counts after as many seconds: libcurl otherwise holds what it read for a day. pycurl has no name
# for https://curl.se/libcurl/c/CURLOPT_CA_CACHE_TIMEOUT.html.
CA_CACHE_TIMEOUT, REREAD_AFTER = 321, 60
MAX_IDLE = 3  # whole seconds after which a connection is not reused; Apache and Node.js close theirs after 5

# Codes of https://curl.se/libcurl/c/libcurl-errors.html that occur before a request is sent.
UNSENT = {
    pycurl.E_URL_MALFORMAT: "dns",  # not a name that could be looked up
    pycurl.E_COULDNT_RESOLVE_HOST: "dns",
    pycurl.E_COULDNT_RESOLVE_PROXY: "dns",
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
    # One connection per call: when an HTTP/2 connection breaks, the outcome of all its calls is unknown at once.
    pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
    pycurl.PROTOCOLS: pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS,
    pycurl.NOSIGNAL: True,  # signals belong to the worker
    pycurl.USERAGENT: "tweakwise-webhook-receiver",
    pycurl.MAXAGE_CONN: MAX_IDLE,
}


class Route(NamedTuple):
    """How a client reaches Tweakwise: TWEAKWISE_PROXY and CA_BUNDLE, empty for none and for certifi's authorities.

    No proxy is taken from HTTPS_PROXY and the like: it would see the merchant's events. NO_PROXY makes no exception;
    a Tweakwise on this machine, which is a sandbox, is never asked through a proxy.
    """

    proxy: str = ""
    authorities: str = ""

    def options(self) -> dict[int, Any]:
        """Return the options of libcurl, in bytes: pycurl takes text only as far as it is ASCII."""
        authorities = os.fsencode(self.authorities or certifi.where())
        return {
            pycurl.PROXY: self.proxy.encode(),
            pycurl.NOPROXY: ",".join(network.LOOPBACK),
            CA_CACHE_TIMEOUT: REREAD_AFTER,
            pycurl.CAINFO: authorities,
            pycurl.PROXY_CAINFO: authorities,
        }

    def for_requests(self, url: str) -> dict[str, Any]:
        """Return the same for a request of requests to `url`, which then ignores the environment too."""
        proxy = None if network.is_loopback(url) else self.proxy or None
        return {"proxies": {"http": proxy, "https": proxy, "all": None}, "verify": self.authorities or certifi.where()}


def route_of(config: Settings) -> Route:
    """Return the route that the settings describe."""
    return Route(config.tweakwise_proxy or "", config.ca_bundle or "")


@lru_cache(maxsize=1024)
def encoded(url: str) -> bytes:
    """Return an address in ASCII, as requests writes it: libcurl looks up no name with other letters.

    Raises ValueError where its host is no name.
    """
    parts = urlsplit(url)
    host, (user, at, place) = parts.hostname or "", parts.netloc.rpartition("@")
    try:
        place = place if host.isascii() else place.lower().replace(host, host.encode("idna").decode())
    except UnicodeError as error:
        raise ValueError(*error.args) from None
    pieces = (quote(one, safe=UNCHANGED) for one in (f"{user}{at}{place}", *parts[2:]))
    return urlunsplit((parts.scheme, *pieces)).encode()


class Request(NamedTuple):
    """An HTTP request: where it goes and what it carries."""

    url: bytes
    headers: list[str]
    body: bytes

    @classmethod
    def of(cls, call: Call, shop: Shop, url: str, content_type: str) -> Self:
        """Return the request of `call` for `shop`; `url` is the address unless the shop sets its own."""
        address = encoded(f"{(shop.tweakwise_url or url).rstrip('/')}/api/{call.event}")
        # An empty Expect prevents libcurl from asking for 100 Continue first.
        headers = [f"Instance-Key: {shop.instance_key}", f"Content-Type: {content_type}", "Expect:"]
        if label := INTERNAL if call.is_internal else shop.source_by_event.get(call.event, shop.source):
            headers.append(f"TWN-Source: {label}")
        return cls(address, headers, call.as_json().encode())


class IdleConnections:
    """The connections that wait for their next request, by local port.

    libcurl checks only once a second which of them the other side has closed. The outcome of a request on such a
    connection would be ambiguous, although it was never read.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, int] = {}
        self._ports: dict[int, int] = {}

    def add(self, port: int, descriptor: int) -> None:
        """Remember the connection of a finished transfer; `descriptor` is -1 when it is closed."""
        if descriptor >= 0:
            self._sockets.pop(self._ports.get(descriptor, 0), None)  # libcurl does not report which ones it has closed
            self._ports[descriptor], self._sockets[port] = port, descriptor

    def is_broken(self, port: int) -> bool:
        """Return whether the other side closed the connection or sent data unasked, and forget it; False if new."""
        descriptor = self._sockets.pop(port, None)
        if descriptor is None:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))


class Transfer:
    """A request and its response; reused for one call after another, since making a handle costs more than a call."""

    def __init__(self, timeout: float, idle: IdleConnections, route: Route) -> None:
        """`timeout` is in seconds, for a whole transfer; `idle` is shared by all transfers of a client.

        Raises pycurl.error or ValueError where no call can be made at all.
        """
        self.handle = pycurl.Curl()
        self._idle = idle
        self._head: list[bytes] = []
        self._answer = bytearray()
        for option, value in (OPTIONS | route.options()).items():
            self.handle.setopt(option, value)
        self.handle.setopt(pycurl.TIMEOUT_MS, round(timeout * 1000))
        self.handle.setopt(pycurl.HEADERFUNCTION, self._head.append)
        self.handle.setopt(pycurl.WRITEFUNCTION, self._receive)
        self.handle.setopt(pycurl.PREREQFUNCTION, self._check_connection)

    def prepare(self, request: Request) -> None:
        """Set the next request. Raises ValueError for an invalid address."""
        self._head.clear()
        self._answer.clear()
        self.handle.setopt(pycurl.URL, request.url)
        self.handle.setopt(pycurl.HTTPHEADER, request.headers)
        self.handle.setopt(pycurl.POSTFIELDSIZE, len(request.body))
        # A body that libcurl cannot rewind is never sent twice: otherwise it repeats a request when a reused connection
        # breaks before the response, and the event might be counted twice.
        self.handle.setopt(pycurl.READFUNCTION, BytesIO(request.body).read)

    @property
    def status(self) -> int:
        """The status of the response, 0 while there is none."""
        status: int = self.handle.getinfo(pycurl.RESPONSE_CODE)
        return status if status >= 200 else 0  # noqa: PLR2004 - 1xx is no final response

    def found_broken_connection(self, code: int) -> bool:
        """Return whether nothing was sent because the reused connection was broken: start again on another one."""
        return code == pycurl.E_ABORTED_BY_CALLBACK and not self.handle.getinfo(pycurl.REQUEST_SIZE)

    def outcome(self, code: int) -> Failure | None:
        """Return the failure, None for any 2xx; `code` is libcurl's and matters only without a status."""
        if code == pycurl.E_OK:
            self._idle.add(self.handle.getinfo(pycurl.LOCAL_PORT), self.handle.getinfo(pycurl.ACTIVESOCKET))
        status = self.status
        if not status:
            return Failure(self._failure_name(code))
        if status < 300:  # noqa: PLR2004 - any 2xx
            return None
        after = retry_after(self._headers("retry-after"), next(self._headers("date"), None), datetime.now(UTC))
        return Failure(f"http_{status}", status, after, self._answer[:MAX_ANSWER].decode("utf-8", "replace"))

    def _check_connection(self, _host: str, _local_host: str, _port: int, local_port: int) -> int:
        return pycurl.PREREQFUNC_ABORT if self._idle.is_broken(local_port) else pycurl.PREREQFUNC_OK

    def _receive(self, piece: bytes) -> int:
        self._answer += piece
        return len(piece) if len(self._answer) <= MAX_ANSWER else 0  # libcurl stops when not all bytes are taken

    def _headers(self, name: str) -> Iterator[str]:
        for line in self._head:
            key, _, value = line.decode("latin-1").partition(":")
            if key.lower() == name:
                yield value.strip()

    def _failure_name(self, code: int) -> str:
        """Name a failure without a response: dns, connect, tls, timeout or reset."""
        if self.handle.getinfo(pycurl.HTTP_CONNECTCODE) not in {0, PASSED_ON}:
            return "connect"  # the proxy refused, and nothing reached Tweakwise
        if self.handle.getinfo(pycurl.REQUEST_SIZE):
            return "timeout" if code == pycurl.E_OPERATION_TIMEDOUT else "reset"
        return self._unsent_stage() if code == pycurl.E_OPERATION_TIMEDOUT else UNSENT.get(code, "reset")

    def _unsent_stage(self) -> str:
        """Name the step that timed out before the request was sent."""
        if not self.handle.getinfo(pycurl.NAMELOOKUP_TIME):
            return "dns"
        return "tls" if self.handle.getinfo(pycurl.CONNECT_TIME) else "connect"
