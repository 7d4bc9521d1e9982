"""The client against real servers on this machine: what it sends, and a name for everything that goes wrong."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pycurl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tweakwise import BODIES
from tests.support.sockets import NO_CONTENT, answering, dripping, plain, resetting, response, serving, silent
from webhook_app.config import shops
from webhook_app.platforms import all_platforms
from webhook_app.tweakwise.call import Call
from webhook_app.tweakwise.client import Client
from webhook_app.tweakwise.retry_policy import Failure
from webhook_app.tweakwise.transport import OPTIONS, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.sockets import Request, Server

DOCUMENT = '[shops.a]\nplatform = "shopify"\nsecrets = ["s"]\ninstance_key = "1234abcd"'
SHOP = shops.parse(DOCUMENT, "shops.toml", all_platforms())["a"]


def _purchase(*keys: str, revenue: Decimal | None = None) -> dict[str, Any]:
    return BODIES["purchase"].write(product_keys=keys, profile_key="abc", revenue=revenue)


CALL = Call("purchase", "purchase:1", _purchase("11", "MUG-é", revenue=Decimal("46.70")))
BODY = '{"ProductKeys":["11","MUG-é"],"ProfileKey":"abc","Revenue":46.7}'.encode()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@contextmanager
def sending(url: str, timeout: float = 5.0) -> Iterator[Client[int]]:
    """A sender whose connections are gone afterwards."""
    sender = Client[int](url, timeout)
    try:
        yield sender
    finally:
        sender.close()


def send(sender: Client[int], shop: shops.Shop = SHOP) -> Failure | None:
    """Start one call and wait for what comes of it."""
    sender.start(1, CALL, shop)
    [sent] = sender.finished(10)
    return sent.failure


def outcome(talk: Callable[[Server, socket.socket], None], timeout: float = 5.0) -> Failure | None:
    with serving(talk) as server:
        return sent_to(server.url, timeout=timeout)


def sent_to(url: str, shop: shops.Shop = SHOP, timeout: float = 5.0) -> Failure | None:
    with sending(url, timeout) as sender:
        return send(sender, shop)


def failed(talk: Callable[[Server, socket.socket], None], timeout: float = 5.0) -> Failure:
    failure = outcome(talk, timeout)
    assert failure is not None
    return failure


def request(shop: shops.Shop = SHOP, path: str = "") -> Request:
    """What arrives when CALL is sent for `shop`."""
    with serving(answering(NO_CONTENT)) as server:
        assert sent_to(server.url + path, shop) is None
        return server.requests[0]


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
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" + response("200 OK"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response("200 OK"),
    ],
)
def test_any_2xx_is_success(answer: bytes) -> None:
    """A status of 2xx says that Tweakwise has it, whatever comes before or behind."""
    assert outcome(answering(answer)) is None


@pytest.mark.parametrize(
    "status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 599, 999]
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


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "a..b", "a b", "*", "a\0b", ""])
def test_name_that_does_not_resolve(host: str) -> None:
    """A name that no name server knows, or could know, is `dns`."""
    assert sent_to(f"http://{host}") == Failure("dns")


def test_tls_to_a_plain_port() -> None:
    """An https address where http is spoken is `tls`."""
    with serving(plain) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")


def test_address_with_another_scheme() -> None:
    """Only http and https are spoken, whatever else libcurl can do."""
    with serving(silent) as server:
        assert sent_to(f"gopher://{server.address}") == Failure("connect")
        assert server.connections == 0


def test_connection_that_is_not_made_in_time() -> None:
    """A host that does not take connections is `connect`, since nothing was sent."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        port = listener.getsockname()[1]
        assert sent_to(f"http://127.0.0.1:{port}", timeout=0.3) == Failure("connect")


def test_tls_that_is_not_agreed_on_in_time() -> None:
    """A host that never answers the greeting is `tls`, since nothing was sent."""
    with serving(silent) as server:
        assert sent_to(f"https://{server.address}", timeout=0.3) == Failure("tls")


def test_tls_that_breaks() -> None:
    """A host that hangs up instead of greeting is `tls` too."""
    with serving(resetting) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, which nobody signed but itself."""
    path = tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", path, "-out", tmp_path / "only"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (tmp_path / "only").read_bytes())
    return path


def speaking_tls(
    certificate: Path, talk: Callable[[Server, socket.socket], None]
) -> Callable[[Server, socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk_tls(server: Server, connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            talk(server, wrapped)

    return talk_tls


def test_certificate_that_nobody_signed(certificate: Path) -> None:
    """Who is not known to certifi gets no request."""
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")
        assert server.requests == []


def test_certificate_that_is_known(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is in the bundle of authorities gets the request."""
    monkeypatch.setitem(OPTIONS, pycurl.CAINFO, str(certificate))
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        assert sent_to(f"https://{server.address}") is None


def test_certificate_for_another_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate is for a host, and not for others."""
    monkeypatch.setitem(OPTIONS, pycurl.CAINFO, str(certificate))
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        assert sent_to(f"https://{server.address.replace('127.0.0.1', 'localhost')}") == Failure("tls")


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
        answering(b"HTTP/1.1 200 " + b"x" * 700_000),
        answering(b"HTTP/1.1 100 Continue\r\n\r\n"),
        answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ],
    ids=["reset", "hung up", "no HTTP", "no status", "endless line", "only an announcement", "other protocol"],
)
def test_broken_answer(talk: Callable[[Server, socket.socket], None]) -> None:
    """A connection that breaks, or speaks something else, after the request was out is `reset`."""
    assert outcome(talk) == Failure("reset")


@pytest.mark.parametrize(
    ("status", "framing", "piece", "failure"),
    [
        ("200 OK", "Content-Length: 9999\r\n\r\n", b"x", ""),
        ("200 OK", "", b"A: b\r\n", ""),
        ("301 Moved", "Content-Length: 9999\r\n\r\n", b"x", "http_301"),
        ("500 Broken", "Content-Length: 9999\r\n\r\n", b"", "http_500"),
        ("503 Unavailable", "Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", "http_503"),
        ("503 Unavailable", "Retry-After: 9\r\n", b"A: b\r\n", "http_503"),
    ],
)
def test_dripping_answer_holds_nobody_long(status: str, framing: str, piece: bytes, failure: str) -> None:
    """The status has said what matters: an endless answer is left after about a second."""
    head = f"HTTP/1.1 {status}\r\nLocation: /\r\n{framing}".encode()
    began = time.monotonic()
    sent = outcome(dripping(head, piece))
    assert ((sent.name if sent else ""), time.monotonic() - began < 2.5) == (failure, True)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 ", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "])
def test_dripping_status_is_a_timeout(head: bytes) -> None:
    """The time-out is for the whole call, however often a byte comes."""
    began = time.monotonic()
    assert outcome(dripping(head, b"x"), timeout=0.5) == Failure("timeout")
    assert time.monotonic() - began < 2


def test_status_just_before_the_time_out_counts() -> None:
    """A call that is cut off while its answer comes in has the status that was said."""
    assert failed(dripping(b"HTTP/1.1 500 Broken\r\nContent-Length: 9999\r\n\r\n", b"x"), 0.3).name == "http_500"


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
    with serving(answering(first, NO_CONTENT)) as server, sending(server.url) as sender:
        send(sender)
        send(sender)
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize("header", [[], ["Connection: close"]], ids=["unannounced", "announced"])
def test_connection_that_was_closed_is_opened_again(header: list[str]) -> None:
    """A server that hangs up between two calls costs a connection and no call."""
    with serving(answering(response("200 OK", b"", *header))) as server, sending(server.url) as sender:
        failures = []
        for _ in range(3):
            failures.append(send(sender))
            time.sleep(0.05)
        assert (failures, len(server.requests), server.connections) == ([None] * 3, 3, 3)


@pytest.mark.parametrize("end", [answering(b""), resetting], ids=["hung up", "reset"])
def test_request_is_not_repeated_unasked(end: Callable[[Server, socket.socket], None]) -> None:
    """A kept connection that breaks after the request is `reset`: Tweakwise may have counted the event."""

    def talk(server: Server, connection: socket.socket) -> None:
        answering(NO_CONTENT)(server, connection)
        end(server, connection)

    with serving(talk) as server, sending(server.url) as sender:
        assert [send(sender), send(sender)] == [None, Failure("reset")]
        assert len(server.requests) == 2


def test_answer_about_a_kept_connection_is_an_answer() -> None:
    """A 408 on a connection that was kept alive is told, and not tried again behind the worker's back."""
    answers = answering(NO_CONTENT, response("408 Request Timeout"))
    with serving(answers) as server, sending(server.url) as sender:
        assert [send(sender), send(sender)] == [None, Failure("http_408", 408)]
        assert len(server.requests) == 2


def test_connection_that_idled_long_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is about to hang up on an idle connection does not get a request into the bargain."""
    monkeypatch.setitem(OPTIONS, pycurl.MAXAGE_CONN, 1)
    with serving(answering(NO_CONTENT, NO_CONTENT)) as server, sending(server.url) as sender:
        send(sender)
        time.sleep(2.1)
        send(sender)
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


def test_long_body_is_sent_without_asking_first() -> None:
    """Nobody waits for 100 Continue, however long the body is."""
    call = replace(CALL, body=_purchase("x" * 2_000_000))
    with serving(answering(NO_CONTENT)) as server, sending(server.url) as sender:
        sender.start(1, call, SHOP)
        assert [sent.failure for sent in sender.finished(10)] == [None]
        assert ("expect" in server.requests[0].headers, server.requests[0].body) == (False, call.as_json().encode())


def test_request_comes_in_one_piece() -> None:
    """Head and body share a packet: a call costs as few of them as can be."""
    pieces = []

    def talk(_server: Server, connection: socket.socket) -> None:
        pieces.append(connection.recv(65536))
        connection.sendall(NO_CONTENT)

    assert outcome(talk) is None
    assert pieces[0].endswith(b"\r\n\r\n" + BODY)


def test_cookie_is_not_given_back() -> None:
    """What a server wants to be remembered is forgotten."""
    answer = response("200 OK", b"", "Set-Cookie: a=b")
    with serving(answering(answer, answer)) as server, sending(server.url) as sender:
        send(sender)
        send(sender)
        assert "cookie" not in server.requests[1].headers


def test_source_is_sent_when_set() -> None:
    """A shop that says where its events come from sends TWN-Source."""
    assert request(replace(SHOP, source="MyShop/1.0")).headers["twn-source"] == "MyShop/1.0"


@pytest.mark.parametrize("header", ["twn-source", "authorization", "cookie", "expect", "transfer-encoding"])
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
