"""Reading requests: limits of bytes and of work, with whichever parser gunicorn uses."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, LimitRequestLine, NoMoreData, ParseException

from webhook_app.web.connection import Connection
from webhook_app.web.http_answers import hint_of
from webhook_app.web.http_requests import MAX_HEAD, RequestReader

if TYPE_CHECKING:
    from collections.abc import Iterable

START = b"POST /webhooks/shopify/shop HTTP/1.1\r\nHost: x\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"


class Sender:
    """A client's socket, from which the pieces arrive as they were sent."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), b""

    def recv(self, size: int) -> bytes:
        piece = self._rest or next(self._pieces, b"")
        self._rest = piece[size:]
        return piece[:size]

    def settimeout(self, _seconds: float) -> None:
        """Nothing here takes time."""


class Unpaused(Connection):
    """A connection that does not slow a sender of single bytes down."""

    def pause(self, seconds: float) -> None:
        """Go on."""


def reader(*pieces: bytes) -> RequestReader:
    return RequestReader(Unpaused(Sender(pieces)), Config(), ("127.0.0.1", 1))


def single_bytes(data: bytes) -> Iterable[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def request(*pieces: bytes) -> Any:
    return reader(*pieces).next_request(1)


def body_of(sent: bytes) -> bytes:
    body: bytes = request(sent).body.read()
    return body


def test_requests_follow_each_other() -> None:
    """What arrives with a head is the beginning of its body, and then the next request."""
    several = reader(START + b"Content-Length: 3\r\n\r\nabcGET /a HTTP/1.1\r\n\r", b"\nGET /b HTTP/1.1\r\n\r\n")
    found = [several.next_request(1)]
    assert found[0] is not None
    assert found[0].body.read() == b"abc"
    found += [several.next_request(1), several.next_request(1)]
    assert [one and one.path for one in found] == ["/webhooks/shopify/shop", "/a", "/b"]
    assert several.next_request(1) is None


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (START + b"X: " + b"a" * MAX_HEAD, LimitRequestHeaders),
        (START + b"X: y\r\n" * 4000 + b"\r\n", LimitRequestHeaders),
        (START + (b"X: " + b"a" * 4000 + b"\r\n") * 5 + b"\r\n", LimitRequestHeaders),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", LimitRequestLine),
        (b"GET /" + b"a" * 5000, LimitRequestLine),
        (b"\r\nGET /" + b"a" * 5000, LimitRequestLine),
        (b"GET / HTTP/1.1\nHost: x\n", InvalidHeader),
        (b"GET / HTTP/1.1\r\nHost: x\n", InvalidHeader),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", NoMoreData),
        (b"\r\n\r\n", ParseException),
        (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", ParseException),
        (b"GET / HTTP/1.1\r\nX : y\r\n\r\n", ParseException),
        (b"GET / HTTP/1.1\r\nX: y\r\n z\r\n\r\n", ParseException),
        (b"GET / HTTP/1.1\r\nX: y\nA: b\r\n\r\n", ParseException),
        (b"GET / HTTP/1.1\r\nX: \0\r\n\r\n", ParseException),
        (START + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", ParseException),
        (START + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", ParseException),
        (START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\na", ParseException),
        (START + b"Transfer-Encoding: gzip\r\n\r\na", ParseException),
        (START + b"Host: y\r\n\r\n", ParseException),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_heads_that_are_refused(sent: bytes, error: type[Exception], whole: bool) -> None:
    """Too long, ambiguous or none: in one piece as in single bytes."""
    with pytest.raises(error):
        request(*([sent] if whole else single_bytes(sent)))


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        (START + b"Host: y\r\n\r\n", "more than once"),
        (START + b"Content-Type: a/b\r\ncontent-type: a/b\r\n\r\n", "more than once"),
        (START + b"Content-Length: +1\r\n\r\na", "Content-Length"),
        (START + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", "Transfer-Encoding"),
        (START + b"X: secret\r\n y\r\n\r\n", "second line"),
        (START + b"X : secret\r\n\r\n", "name"),
        (START + b": secret\r\n\r\n", "name"),
        (START + b"secret\r\n\r\n", "colon"),
        (START + b"X: secret\1\r\n\r\n", "control character"),
        (b"GET / HTTP/1.1\nHost: secret\n", "CR LF"),
        (b"GET /\xe9secret HTTP/1.1\r\n\r\n", "percent-encode"),
        (b"get /secret HTTP/1.1\r\n\r\n", "capital letters"),
        (b"GET /secret HTTP/3.7\r\n\r\n", "HTTP/2"),
    ],
)
def test_an_invalid_head_is_named(sent: bytes, named: str) -> None:
    """The answer says what to correct, and repeats nothing of the request."""
    with pytest.raises(ParseException) as refused:
        request(sent)
    assert named in hint_of(refused.value)
    assert "secret" not in hint_of(refused.value)


def test_longest_line_arrives_in_single_bytes() -> None:
    """A request line of the very length that is allowed is not refused before its end."""
    line = b"GET /" + b"a" * (Config().limit_request_line - 14) + b" HTTP/1.1"
    assert len(line) == Config().limit_request_line
    assert request(*single_bytes(b"\r\n" + line + b"\r\n\r\n")).method == "GET"


def test_work_for_a_head_is_linear() -> None:
    """Sixteen times the bytes, one at a time, take no more than about sixteen times as long."""

    def seconds(size: int) -> float:
        sent = START + b"".join(b"X-%d: %b\r\n" % (at, b"a" * 90) for at in range(size // 100)) + b"\r\n"
        began = time.process_time()
        request(*single_bytes(sent))
        return time.process_time() - began

    assert min(seconds(8000) for _ in range(3)) < 16 * 3 * min(seconds(500) for _ in range(3))


@pytest.mark.parametrize(
    "chunks",
    [
        b"".join(b"400\r\n%b\r\n" % (b"a" * 1024) for _ in range(3000)),
        b"1\r\na\r\n" * 500,
        b"5;name=value\r\nabcde\r\n",
    ],
)
def test_chunks_of_a_stream(chunks: bytes) -> None:
    """Chunks as programs send them are accepted."""
    assert len(body_of(CHUNKED + chunks + b"0\r\nX-Trailer: y\r\n\r\n")) in (3000 * 1024, 500, 5)


@pytest.mark.parametrize(
    "chunks",
    [
        b"1\r\na\r\n" * 3000,
        b"400\r\n%b\r\n" % (b"a" * 1024) + b"1\r\na\r\n" * 3000,
        b"1;" + b"x" * 300 + b"\r\na\r\n",
        b"1;" + b"x" * 300,
        b"1\r\na\r\n0\r\n" + b"X: y\r\n" * 5000,
        b"1\r\na\r\n0\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"-1\r\na\r\n",
        b"zz\r\na\r\n",
        b"1\r\nabc\r\n",
        b"5\r\nab",
    ],
)
def test_chunks_that_are_refused(chunks: bytes) -> None:
    """Tiny, overloaded and invalid chunks end as a broken connection does, and the request is its last."""
    found = request(CHUNKED + chunks + b"0\r\n\r\n")
    with pytest.raises(OSError):  # noqa: PT011 - each has its own text
        found.body.read()
    assert found.has_unread_body()


@pytest.mark.parametrize(
    ("sent", "unread"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (START + b"Content-Length: 0\r\n\r\n", False),
        (START + b"Content-Length: 1\r\n\r\na", True),
        (CHUNKED + b"0\r\n\r\n", True),
    ],
)
def test_bodies_that_were_not_read(sent: bytes, unread: bool) -> None:
    """Where the next request begins is not known before a body has been read."""
    found = request(sent)
    assert found.has_unread_body() == unread
    found.body.read()
    assert not found.has_unread_body()
