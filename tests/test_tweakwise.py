"""The client against real servers on this machine: what it sends, and a name for everything that goes wrong."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import tweakwise
from webhook_app import shops
from webhook_app.call import Call
from webhook_app.retry import Failure
from webhook_app.tweakwise import Client, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHOP = shops.parse('[shops.a]\nplatform = "p"\nsecrets = ["s"]\ninstance_key = "1234abcd"', "shops.toml", ["p"])["a"]
CALL = Call("purchase", "purchase:1", tweakwise.purchase(["11", "MUG-é"], "abc", Decimal("46.70")))
BODY = '{"ProductKeys":["11","MUG-é"],"ProfileKey":"abc","Revenue":46.7}'.encode()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Request:
    """One request as it came over the wire."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.body = body


class Server:
    """A plain socket that hands every connection to `talk`, in a thread of its own."""

    def __init__(self, talk: Callable[[Server, socket.socket], None]) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.closing = threading.Event()
        self._talk, self._listener = talk, socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def read(self, connection: socket.socket) -> bool:
        """Read one request; False when the other side has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (piece := connection.recv(65536)):
                return False
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        request = Request(head, body)
        while len(request.body) < int(request.headers.get("content-length", 0)):
            request.body += connection.recv(65536)
        self.requests.append(request)
        return True

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(5)
            self._threads.append(threading.Thread(target=self._converse, args=(connection,)))
            self._threads[-1].start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._talk(self, connection)


def answering(*answers: bytes) -> Callable[[Server, socket.socket], None]:
    """Answer every request with the same bytes, or with one after the other; hang up after the last."""

    def talk(server: Server, connection: socket.socket) -> None:
        for answer in answers:
            if not server.read(connection):
                return
            connection.sendall(answer)

    return talk


def dripping(head: bytes, piece: bytes) -> Callable[[Server, socket.socket], None]:
    """Answer with `head`, then a piece now and then, for five seconds."""

    def talk(server: Server, connection: socket.socket) -> None:
        server.read(connection)
        connection.sendall(head)
        for _ in range(100):
            if server.closing.wait(0.05):
                return
            connection.sendall(piece)

    return talk


def silent(server: Server, _connection: socket.socket) -> None:
    """Accept and never say a word."""
    server.closing.wait(5)


def plain(_server: Server, connection: socket.socket) -> None:
    """Answer whatever comes first, as a web server without TLS does."""
    connection.recv(65536)
    connection.sendall(response("400 Bad Request"))


def resetting(server: Server, connection: socket.socket) -> None:
    """Take the request and tear the connection down without a goodbye."""
    server.read(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def serving(talk: Callable[[Server, socket.socket], None]) -> Iterator[Server]:
    server = Server(talk)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def client(url: str, timeout: float = 5.0) -> Iterator[Client]:
    """A client whose connections are gone afterwards: an open socket is a warning, and a warning an error."""
    made = Client(url, timeout)
    try:
        yield made
    finally:
        made._session().close()  # noqa: SLF001 - the session is this thread's own


def outcome(talk: Callable[[Server, socket.socket], None], timeout: float = 5.0) -> Failure | None:
    with serving(talk) as server, client(server.url, timeout) as sender:
        return sender.send(CALL, SHOP)


def sent_to(url: str, shop: shops.Shop = SHOP, timeout: float = 5.0) -> Failure | None:
    with client(url, timeout) as sender:
        return sender.send(CALL, shop)


def failed(talk: Callable[[Server, socket.socket], None], timeout: float = 5.0) -> Failure:
    failure = outcome(talk, timeout)
    assert failure is not None
    return failure


def request(shop: shops.Shop = SHOP, path: str = "") -> Request:
    """What arrives when CALL is sent for `shop`."""
    with serving(answering(NO_CONTENT)) as server:
        assert sent_to(server.url + path, shop) is None
        return server.requests[0]


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "answer",
    [
        response("200 OK"),
        response("200 OK", b'{"ok":true}'),
        response("201 Created"),
        response("202 Accepted", b"x" * 10_000),
        NO_CONTENT,
        response("299 Whatever"),
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunks",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut short",
        b"HTTP/1.1 100 Continue\r\n\r\n" + response("200 OK"),
    ],
)
def test_any_2xx_is_success(answer: bytes) -> None:
    """A status of 2xx says that Tweakwise has it, whatever comes behind."""
    assert outcome(answering(answer)) is None


@pytest.mark.parametrize(
    "status", [103, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 599, 999]
)
def test_other_status_is_a_named_failure(status: int) -> None:
    """Every other status is a failure of that name."""
    assert outcome(answering(response(f"{status} Whatever"))) == Failure(f"http_{status}", status)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", ""),
        (b'{"error":"ProfileKey"}', '{"error":"ProfileKey"}'),
        ("één".encode(), "één"),
        (b"\xff\x00", "\ufffd\x00"),
        (b"x" * 2000, "x" * 2000),
        (b"x" * 2001, "x" * 2000),
        (b"x" * 2_000_000, "x" * 2000),
    ],
    ids=["nothing", "JSON", "text", "no text", "at the limit", "over the limit", "huge"],
)
def test_answer_is_kept_up_to_a_limit(body: bytes, kept: str) -> None:
    """The beginning of what Tweakwise said is kept for whoever looks into it."""
    assert failed(answering(response("400 Bad Request", body))).answer == kept


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad\r\nContent-Length: 500\r\n\r\nhello",
        b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.0 400 Bad\r\n\r\nhello",
    ],
    ids=["cut short", "chunked", "until the end"],
)
def test_answer_however_it_is_framed(answer: bytes) -> None:
    """What was said is read in every way HTTP has to say it."""
    assert failed(answering(answer)).answer == "hello"


@pytest.mark.parametrize(
    "location",
    ["/elsewhere", "http://[x", "http://a:99999/", "ftp://a/", "http://\xe9/", "//", "http://no-such-host.invalid/"],
)
def test_redirect_is_not_followed(location: str) -> None:
    """A redirect is an answer like any other, wherever it leads."""
    with serving(answering(response("301 Moved", b"there", f"Location: {location}"), NO_CONTENT)) as server:
        assert sent_to(server.url) == Failure("http_301", 301, answer="there")


def test_redirect_costs_one_request() -> None:
    """Nothing is sent to where a redirect leads."""
    with serving(answering(response("307 Moved", b"", "Location: /elsewhere"), NO_CONTENT)) as server:
        sent_to(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("Retry-After: 120", 120.0), ("Retry-After: 0", 0.0), ("Retry-After: soon", None), ("Retry-After:", None)],
)
def test_retry_after_in_seconds(header: str, seconds: float | None) -> None:
    """A 429 that says for how long is a failure that knows it."""
    assert failed(answering(response("429 Too Many", b"", header))).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    """A 503 that says until when is counted from now; this one has passed."""
    header = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"
    assert failed(answering(response("503 Unavailable", b"", header))).retry_after == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("86400", 86_400.0),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("inf", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("Mon, 23 Nov 2026 12:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 13:02:00 +0100", 120.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:02:00", None),
        ("Mon, 23 Nov 99999999 12:02:00 GMT", None),
        ("Mon, 99 Nov 2026 12:02:00 GMT", None),
        ("Mon, 23 Nov 2026 12:02:00 +99999999999999", None),
        ("tomorrow", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds or a date are seconds from now, never less than none; everything else says nothing."""
    assert retry_after(value, NOW) == seconds


@given(st.text() | st.text(st.sampled_from("0123456789 ,:+-JanGMT")))
def test_any_retry_after_is_a_delay_or_nothing(value: str) -> None:
    """No header text raises, and none is a delay into the past."""
    assert (retry_after(value, NOW) or 0) >= 0


def test_nobody_listens() -> None:
    """A port that refuses is `connect`: the request never left."""
    with serving(silent) as server:
        url = server.url
    assert sent_to(url) == Failure("connect")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "a..b", "a b", "*"])
def test_name_that_does_not_resolve(host: str) -> None:
    """A name that no name server knows, or could know, is `dns`."""
    assert sent_to(f"http://{host}") == Failure("dns")


def test_tls_to_a_plain_port() -> None:
    """An https address where http is spoken is `tls`."""
    with serving(plain) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")


def test_no_answer() -> None:
    """A server that accepts and never answers is `timeout`."""
    assert outcome(silent, timeout=0.3) == Failure("timeout")


def test_no_answer_takes_no_longer_than_allowed() -> None:
    """The time-out is the one that was asked for."""
    began = time.monotonic()
    outcome(silent, timeout=0.3)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "talk",
    [
        resetting,
        answering(b""),
        answering(b"\x00\x01\x02 no HTTP\r\n\r\n"),
        answering(b"HTTP/1.1 abc OK\r\n\r\n"),
        answering(b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n"),
        answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"),
    ],
    ids=["reset", "hung up", "no HTTP", "no status", "endless line", "endless headers", "two lengths"],
)
def test_broken_answer(talk: Callable[[Server, socket.socket], None]) -> None:
    """A connection that breaks, or speaks something else, after the request was out is `reset`."""
    assert outcome(talk) == Failure("reset")


@pytest.mark.parametrize(
    ("status", "framing", "piece"),
    [
        ("200 OK", "Content-Length: 9999", b"x"),
        ("301 Moved", "Content-Length: 9999", b"x"),
        ("503 Unavailable", "Transfer-Encoding: chunked", b"1\r\nx\r\n"),
    ],
)
def test_dripping_answer_holds_nobody_long(status: str, framing: str, piece: bytes) -> None:
    """The status has said what matters: an endless body is left after about a second."""
    head = f"HTTP/1.1 {status}\r\nLocation: /\r\n{framing}\r\n\r\n".encode()
    began = time.monotonic()
    outcome(dripping(head, piece))
    assert time.monotonic() - began < 2.5


def test_dripping_answer_is_kept_as_far_as_it_came() -> None:
    """What came in that second is kept."""
    assert set(failed(dripping(b"HTTP/1.1 400 Bad\r\nContent-Length: 9999\r\n\r\n", b"x")).answer) == {"x"}


@pytest.mark.parametrize(
    "first",
    [
        NO_CONTENT,
        response("200 OK", b'{"ok":true}'),
        response("400 Bad Request", b"no"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ids=["204", "200", "400", "chunked"],
)
def test_connection_is_kept_alive(first: bytes) -> None:
    """Two calls go over one connection."""
    with serving(answering(first, NO_CONTENT)) as server, client(server.url) as sender:
        sender.send(CALL, SHOP)
        sender.send(CALL, SHOP)
        assert (len(server.requests), server.connections) == (2, 1)


def test_connection_that_was_closed_is_opened_again() -> None:
    """A server that hangs up between two calls costs a connection and no call."""
    with serving(answering(response("200 OK", b"", "Connection: close"))) as server, client(server.url) as sender:
        assert [sender.send(CALL, SHOP) for _ in range(2)] == [None, None]


def test_threads_have_connections_of_their_own() -> None:
    """A session is not shared, because it is not thread-safe."""
    with ExitStack() as stack:
        server = stack.enter_context(serving(answering(NO_CONTENT, NO_CONTENT)))
        sender = stack.enter_context(client(server.url))
        sender.send(CALL, SHOP)

        def send_and_close() -> None:
            sender.send(CALL, SHOP)
            sender._session().close()  # noqa: SLF001 - this thread's own

        thread = threading.Thread(target=send_and_close)
        thread.start()
        thread.join()
        assert server.connections == 2


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", "POST /api/purchase HTTP/1.1"),
        ("/", "POST /api/purchase HTTP/1.1"),
        ("/proxy/", "POST /proxy/api/purchase HTTP/1.1"),
    ],
)
def test_address(path: str, line: str) -> None:
    """A call goes to /api/<event> below the address, with or without a slash at its end."""
    assert request(path=path).line == line


@pytest.mark.parametrize(
    ("header", "value"),
    [("instance-key", "1234abcd"), ("content-type", "application/json"), ("content-length", str(len(BODY)))],
)
def test_header_is_sent(header: str, value: str) -> None:
    """The shop's key and the kind of body go with every call."""
    assert request().headers[header] == value


def test_source_is_sent_when_set() -> None:
    """A shop that says where its events come from sends TWN-Source."""
    assert request(replace(SHOP, source="MyShop/1.0")).headers["twn-source"] == "MyShop/1.0"


@pytest.mark.parametrize("header", ["twn-source", "authorization", "cookie"])
def test_header_is_not_sent(header: str) -> None:
    """Nothing goes along that nobody asked for."""
    assert header not in request().headers


def test_body_is_exact() -> None:
    """The body is the call's JSON in UTF-8, compact."""
    assert request().body == BODY


def test_revenue_is_a_json_number() -> None:
    """Revenue arrives as a number with the cents it had."""
    assert json.loads(request().body, parse_float=Decimal)["Revenue"] == Decimal("46.7")


def test_shops_own_address_goes_first() -> None:
    """A shop with a tweakwise_url goes there and not to the default."""
    with serving(answering(NO_CONTENT)) as own:
        sent_to("http://no-such-host.invalid", replace(SHOP, tweakwise_url=own.url + "/"))
        assert own.requests[0].line == "POST /api/purchase HTTP/1.1"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Where a merchant's events go is not for the environment to say."""
    with serving(answering(NO_CONTENT)) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        request()
        assert proxy.connections == 0


def test_credentials_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc that happens to know the host adds no Authorization."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jan password geheim\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert "authorization" not in request().headers
