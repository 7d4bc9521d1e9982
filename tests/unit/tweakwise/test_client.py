"""The client against real servers on this machine: its requests, and the name of every failure."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
import pycurl
import pytest
from structlog.testing import capture_logs

from tests.support.calls import CALL, LONGEST, SHOP, open_client, purchase, send
from tests.support.sockets import NO_CONTENT, answering, dripping, plain, resetting, response, serving, silent
from webhook_app.tweakwise import transport
from webhook_app.tweakwise.call import Call
from webhook_app.tweakwise.client import DIRECT
from webhook_app.tweakwise.retry_policy import Failure
from webhook_app.tweakwise.transport import OPTIONS, Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sockets import Request, Server
    from webhook_app.config import shops

BODY = '{"ProductKeys":["11","MUG-é"],"ProfileKey":"abc","Revenue":46.7}'.encode()


def outcome(talk: Callable[[Server, socket.socket], None], timeout: float = LONGEST) -> Failure | None:
    with serving(talk) as server:
        return sent_to(server.url, timeout=timeout)


def sent_to(url: str, shop: shops.Shop = SHOP, timeout: float = LONGEST, route: Route = DIRECT) -> Failure | None:
    with open_client(url, timeout, route) as client:
        return send(client, shop)


def failed(talk: Callable[[Server, socket.socket], None], timeout: float = LONGEST) -> Failure:
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
    """A status of 2xx is a success, whatever precedes or follows it."""
    assert outcome(answering(answer)) is None


@pytest.mark.parametrize(
    "status", [301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 422, 429, 500, 502, 503, 599, 999]
)
def test_other_status_is_a_named_failure(status: int) -> None:
    """Every other status is a failure of that name."""
    assert outcome(answering(response(f"{status} Whatever"))) == Failure(f"http_{status}", status)


@pytest.mark.parametrize(
    ("body", "stored"),
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
def test_response_body_is_stored_up_to_a_limit(body: bytes, stored: str) -> None:
    """The beginning of the response's body is stored for diagnosis."""
    assert failed(answering(response("400 Bad Request", body))).answer == stored


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
    """The body is read in every framing that HTTP has."""
    assert failed(answering(answer)).answer == "hello"


@pytest.mark.parametrize(
    "location",
    ["/elsewhere", "http://[x", "http://a:99999/", "ftp://a/", "http://\xe9/", "//", "http://no-such-host.invalid/"],
)
def test_redirect_is_not_followed(location: str) -> None:
    """A redirect is a failure like other statuses, wherever it leads."""
    with serving(answering(response("301 Moved", b"there", f"Location: {location}"), NO_CONTENT)) as server:
        assert sent_to(server.url) == Failure("http_301", 301, answer="there")


def test_redirect_costs_one_request() -> None:
    """Nothing is sent to the target of a redirect."""
    with serving(answering(response("307 Moved", b"", "Location: /elsewhere"), NO_CONTENT)) as server:
        sent_to(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("Retry-After: 120", 120.0), ("Retry-After: 0", 0.0), ("Retry-After: soon", None), ("Retry-After:", None)],
)
def test_retry_after_in_seconds(header: str, seconds: float | None) -> None:
    """The delay of a 429 is part of the failure."""
    assert failed(answering(response("429 Too Many", b"", header))).retry_after == seconds


def test_retry_after_as_a_date() -> None:
    """A date is converted into seconds from now; a past one into 0."""
    header = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"
    assert failed(answering(response("503 Unavailable", b"", header))).retry_after == 0


def test_refused_connection() -> None:
    """A port that refuses is `connect`: the request was not sent."""
    with serving(silent) as server:
        url = server.url
    assert sent_to(url) == Failure("connect")


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "a..b", "a b", "*", "a\0b", ""])
def test_name_that_does_not_resolve(host: str) -> None:
    """A name that does not resolve, or cannot, is `dns`."""
    assert sent_to(f"http://{host}") == Failure("dns")


def test_tls_to_a_plain_port() -> None:
    """An https address of a plain http server is `tls`."""
    with serving(plain) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")


def test_address_with_another_scheme() -> None:
    """Only http and https are allowed, whatever else libcurl supports."""
    with serving(silent) as server:
        assert sent_to(f"gopher://{server.address}") == Failure("connect")
        assert server.connections == 0


def test_connection_that_is_not_made_in_time() -> None:
    """A host that accepts no connections is `connect`, since nothing was sent."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        port = listener.getsockname()[1]
        assert sent_to(f"http://127.0.0.1:{port}", timeout=0.3) == Failure("connect")


def test_tls_that_is_not_agreed_on_in_time() -> None:
    """A host that does not answer the TLS handshake is `tls`, since nothing was sent."""
    with serving(silent) as server:
        assert sent_to(f"https://{server.address}", timeout=0.3) == Failure("tls")


def hanging_up(_server: Server, connection: socket.socket) -> None:
    """Close the connection after what comes first."""
    connection.recv(65536)


def test_tls_that_breaks() -> None:
    """A host that closes the connection during the handshake is `tls` too."""
    with serving(hanging_up) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key."""
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


def test_self_signed_certificate(certificate: Path) -> None:
    """A host whose certificate certifi does not trust gets no request."""
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        assert sent_to(f"https://{server.address}") == Failure("tls")
        assert server.requests == []


def test_certificate_that_is_known(certificate: Path) -> None:
    """A host whose certificate is in CA_BUNDLE gets the request, whatever letters the path has."""
    folder = certificate.parent / "josé ☃"
    folder.mkdir()
    bundle = folder / "authorities.pem"
    bundle.write_bytes(certificate.read_bytes())
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        assert sent_to(f"https://{server.address}", route=Route(authorities=str(bundle))) is None


def test_certificate_for_another_name(certificate: Path) -> None:
    """A certificate is valid for its own host only."""
    with serving(speaking_tls(certificate, answering(NO_CONTENT))) as server:
        url = f"https://{server.address.replace('127.0.0.1', 'localhost')}"
        assert sent_to(url, route=Route(authorities=str(certificate))) == Failure("tls")


def test_project_in_a_folder_with_other_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Certifi's file may be below any folder: libcurl gets its path in bytes."""
    monkeypatch.setattr(certifi, "where", lambda: "/home/josé/cacert.pem")
    assert Route().options()[pycurl.CAINFO] == b"/home/jos\xc3\xa9/cacert.pem"
    assert outcome(answering(NO_CONTENT)) is None


def test_call_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """With TWEAKWISE_PROXY the proxy gets the request and looks the name up, whatever NO_PROXY excepts."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "tweakwise.invalid")
    with serving(answering(NO_CONTENT)) as proxy:
        assert sent_to("http://tweakwise.invalid", route=Route(proxy.url)) is None
        assert proxy.requests[0].line.startswith("POST http://tweakwise.invalid/api/")


def test_proxy_is_not_asked_for_this_machine() -> None:
    """A sandbox is reached beside TWEAKWISE_PROXY, which would look for it on its own machine."""
    with serving(answering(NO_CONTENT)) as proxy, serving(answering(NO_CONTENT)) as server:
        assert sent_to(server.url, route=Route(proxy.url)) is None
        assert (proxy.connections, len(server.requests)) == (0, 1)


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://navigator-analytics.tweakwise.com/api", "https://navigator-analytics.tweakwise.com/api"),
        ("https://münchen.example:8/ü b/%C3%A4?x=ä", "https://xn--mnchen-3ya.example:8/%C3%BC%20b/%C3%A4?x=%C3%A4"),
        ("http://user:PÄß@MÜNCHEN.example/", "http://user:P%C3%84%C3%9F@xn--mnchen-3ya.example/"),
        ("http://[::1]:5/x", "http://[::1]:5/x"),
    ],
)
def test_address_with_other_letters(url: str, written: str) -> None:
    """It is written as browsers and requests write it: libcurl alone looks up no such name."""
    assert transport.encoded(url).decode() == written


def test_renewed_authorities_are_read(certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA_BUNDLE that was replaced while a worker runs counts for its next connections."""
    monkeypatch.setattr(transport, "REREAD_AFTER", 0)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes())
    with (
        serving(speaking_tls(certificate, answering(NO_CONTENT))) as server,
        open_client(f"https://{server.address}", route=Route(authorities=str(bundle))) as client,
    ):
        assert send(client) == Failure("tls")
        bundle.write_bytes(certificate.read_bytes())
        assert send(client) is None


def test_proxy_that_refuses_is_no_lost_answer() -> None:
    """Nothing reached Tweakwise, so the call is repeated under either policy for ambiguous ones."""
    with serving(answering(response("403 Forbidden"))) as proxy:
        assert sent_to("https://tweakwise.invalid", route=Route(proxy.url)) == Failure("connect")


def test_proxy_that_is_unknown() -> None:
    """A proxy whose name cannot be looked up."""
    assert sent_to("https://tweakwise.invalid", route=Route("http://no-such-host.invalid:3128")) == Failure("dns")


def test_call_that_cannot_be_built() -> None:
    """It fails like one that is refused, so that it backs off instead of being tried at once, and is logged."""
    with capture_logs() as lines:
        assert sent_to("http://127.0.0.1:1", replace(SHOP, instance_key="ké")) == Failure("request")
    assert [line["event"] for line in lines] == ["call_not_built"]


def test_no_answer() -> None:
    """A server that accepts and never answers is `timeout`."""
    assert outcome(silent, timeout=0.3) == Failure("timeout")


def test_no_answer_takes_no_longer_than_allowed() -> None:
    """The time-out is the configured one."""
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
    """A connection that breaks, or is no HTTP, after the request was sent is `reset`."""
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
def test_slow_response_is_abandoned(status: str, framing: str, piece: bytes, failure: str) -> None:
    """Once the status is known, an endless response is abandoned after about a second."""
    head = f"HTTP/1.1 {status}\r\nLocation: /\r\n{framing}".encode()
    began = time.monotonic()
    result = outcome(dripping(head, piece))
    assert ((result.name if result else ""), time.monotonic() - began < 2.5) == (failure, True)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 ", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "])
def test_dripping_status_is_a_timeout(head: bytes) -> None:
    """The time-out is for the whole call, however often a byte arrives."""
    began = time.monotonic()
    assert outcome(dripping(head, b"x"), timeout=0.5) == Failure("timeout")
    assert time.monotonic() - began < 2


def test_status_just_before_the_time_out_counts() -> None:
    """A call that times out while its body is read has the status that was received."""
    assert failed(dripping(b"HTTP/1.1 500 Broken\r\nContent-Length: 9999\r\n\r\n", b"x"), 0.3).name == "http_500"


def test_slow_response_is_stored_as_far_as_it_was_received() -> None:
    """The part that was received in that second is stored."""
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
    """Two calls use one connection."""
    with serving(answering(first, NO_CONTENT)) as server, open_client(server.url) as client:
        send(client)
        send(client)
        assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize("header", [[], ["Connection: close"]], ids=["unannounced", "announced"])
def test_connection_that_was_closed_is_opened_again(header: list[str]) -> None:
    """A server that closes the connection between two calls costs a connection and no call."""
    with serving(answering(response("200 OK", b"", *header))) as server, open_client(server.url) as client:
        failures = []
        for _ in range(3):
            failures.append(send(client))
            time.sleep(0.05)
        assert (failures, len(server.requests), server.connections) == ([None] * 3, 3, 3)


@pytest.mark.parametrize("end", [answering(b""), resetting], ids=["hung up", "reset"])
def test_request_is_not_repeated_unasked(end: Callable[[Server, socket.socket], None]) -> None:
    """A reused connection that breaks after the request is `reset`: Tweakwise may have counted the event."""

    def talk(server: Server, connection: socket.socket) -> None:
        answering(NO_CONTENT)(server, connection)
        end(server, connection)

    with serving(talk) as server, open_client(server.url) as client:
        assert [send(client), send(client)] == [None, Failure("reset")]
        assert len(server.requests) == 2


def test_408_on_a_reused_connection_is_a_result() -> None:
    """A 408 on a reused connection is returned, and not retried by libcurl."""
    answers = answering(NO_CONTENT, response("408 Request Timeout"))
    with serving(answers) as server, open_client(server.url) as client:
        assert [send(client), send(client)] == [None, Failure("http_408", 408)]
        assert len(server.requests) == 2


def test_connection_that_was_idle_for_long_is_not_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that the server is about to close gets no request."""
    monkeypatch.setitem(OPTIONS, pycurl.MAXAGE_CONN, 1)
    with serving(answering(NO_CONTENT, NO_CONTENT)) as server, open_client(server.url) as client:
        send(client)
        time.sleep(2.1)
        send(client)
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
    """A call is sent to /api/<event> below the address, with or without a trailing slash."""
    assert request(path=path).line == line


@pytest.mark.parametrize(
    ("header", "value"),
    [("instance-key", "1234abcd"), ("content-type", "application/json"), ("content-length", str(len(BODY)))],
)
def test_header_is_sent(header: str, value: str) -> None:
    """Every call carries the shop's key and the content type."""
    assert request().headers[header] == value


def test_long_body_is_sent_without_100_continue() -> None:
    """There is no wait for 100 Continue, however long the body is."""
    call = replace(CALL, body=purchase("x" * 2_000_000))
    with serving(answering(NO_CONTENT)) as server, open_client(server.url) as client:
        client.start(1, call, SHOP)
        assert [result.failure for result in client.finished(10)] == [None]
        assert ("expect" in server.requests[0].headers, server.requests[0].body) == (False, call.as_json().encode())


def test_request_is_one_packet() -> None:
    """Head and body are sent in one packet."""
    pieces = []

    def talk(_server: Server, connection: socket.socket) -> None:
        pieces.append(connection.recv(65536))
        connection.sendall(NO_CONTENT)

    assert outcome(talk) is None
    assert pieces[0].endswith(b"\r\n\r\n" + BODY)


def test_cookies_are_ignored() -> None:
    """A cookie of one response is not sent with the next request."""
    answer = response("200 OK", b"", "Set-Cookie: a=b")
    with serving(answering(answer, answer)) as server, open_client(server.url) as client:
        send(client)
        send(client)
        assert "cookie" not in server.requests[1].headers


def test_source_is_sent_when_set() -> None:
    """A shop with a source sends TWN-Source."""
    assert request(replace(SHOP, source="MyShop/1.0")).headers["twn-source"] == "MyShop/1.0"


@pytest.mark.parametrize(
    ("event", "is_internal", "label"),
    [
        ("purchase", False, "Orders/1.0"),
        ("search", False, "MyShop/1.0"),
        ("purchase", True, "Internal-Traffic"),
        ("search", True, "Internal-Traffic"),
    ],
)
def test_source_of_one_event(event: str, is_internal: bool, label: str) -> None:
    """A label of one event overrides the shop's; employees and tests have Tweakwise's own."""
    shop = replace(SHOP, source="MyShop/1.0", source_by_event={"purchase": "Orders/1.0"})
    call = Call(event, "key", {}, is_internal=is_internal)
    assert f"TWN-Source: {label}" in transport.Request.of(call, shop, "http://127.0.0.1", "application/json").headers


@pytest.mark.parametrize("header", ["twn-source", "authorization", "cookie", "expect", "transfer-encoding"])
def test_header_is_not_sent(header: str) -> None:
    """No further headers are sent."""
    assert header not in request().headers


def test_body_is_exact() -> None:
    """The body is the call's JSON in UTF-8, compact."""
    assert request().body == BODY


def test_revenue_is_a_json_number() -> None:
    """Revenue is sent as a number with its cents."""
    assert json.loads(request().body, parse_float=Decimal)["Revenue"] == Decimal("46.7")


def test_shops_own_address_goes_first() -> None:
    """The calls of a shop with a tweakwise_url are sent there and not to the default."""
    with serving(answering(NO_CONTENT)) as own:
        sent_to("http://no-such-host.invalid", replace(SHOP, tweakwise_url=own.url + "/"))
        assert own.requests[0].line == "POST /api/purchase HTTP/1.1"


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A proxy in the environment would see the merchant's events."""
    with serving(answering(NO_CONTENT)) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        request()
        assert proxy.connections == 0


def test_credentials_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc with an entry for the host adds no Authorization header."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jan password geheim\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert "authorization" not in request().headers
