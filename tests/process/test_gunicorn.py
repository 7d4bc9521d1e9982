"""Cases for a real web server: chunked bodies, incomplete requests, and bytes that are not HTTP."""

from __future__ import annotations

import http.client
import select
import signal
import socket
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support import processes
from tests.support.recordings import ORDER, as_toml, shop_keys
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.web.connection import HEAD_TIMEOUT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

MAX_BODY = 64 * 1024
HEAD = b"POST /webhooks/shopify/shop HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server of one process with one place: a request that blocks it would block all."""
    folder, port = tmp_path_factory.mktemp("web"), processes.free_port()
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS=as_toml("shop", shop_keys("shopify")),
        PORT=str(port),
        MAX_BODY=str(MAX_BODY),
        WEB_CONCURRENCY="1",
        WEB_THREADS="1",
    )
    processes.migrate(env)
    with processes.running("web", env=env, log=folder / "log", ready=f"http://127.0.0.1:{port}/readyz"):
        yield port
    with closing(Inbox(env["DATABASE_URL"])) as inbox:
        assert stored_deliveries.counts(inbox) == {"received": 1}


def answer(port: int, sent: bytes) -> bytes:
    """Send bytes, close the sending half, and return the first line of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536).split(b"\r\n")[0]


def test_chunked_delivery_is_stored(port: int) -> None:
    """A chunked body is stored like one with a length."""
    pieces = (ORDER.body[start : start + 1000] for start in range(0, len(ORDER.body), 1000))
    headers = {name: value for name, value in ORDER.sent_headers.items() if name != "Content-Length"}
    url = f"http://127.0.0.1:{port}/webhooks/shopify/shop"
    response = requests.post(url, data=pieces, headers=headers, timeout=10)
    assert (response.status_code, response.json()["status"]) == (200, "stored")


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_BODY * 20])
def test_too_large_chunked_body_is_413(port: int, size: int) -> None:
    """A body without a length is cut off at the limit."""
    url = f"http://127.0.0.1:{port}/webhooks/shopify/shop"
    response = requests.post(url, data=iter([b"x" * size]), timeout=10)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 9000000000\r\n\r\n", b"413"),
        (HEAD + b"Content-Length: 100\r\n\r\nabc", b"400"),
        (CHUNKED + b"5\r\nabc", b"400"),
        (CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: -3\r\n\r\nabc", b"400"),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", b"400"),
        (HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
        (HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(500)) + b"\r\n", b"431"),
        (HEAD + b"Content-Length: 0\r\n\r\n", b"401"),
        (b"POST /webhooks/%ff/%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"404"),
        (b"TRACE /webhooks/shopify/shop HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"no http\r\n\r\n", b"400"),
        (CHUNKED + b"1\r\na\r\n" * 3000 + b"0\r\n\r\n", b"400"),
        (CHUNKED + b"1;" + b"a" * 300 + b"\r\na\r\n0\r\n\r\n", b"400"),
        (CHUNKED + b"1\r\na\r\n0\r\n" + b"X-T: " + b"a" * 20_000 + b"\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", b"501"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Expect: the unexpected\r\nContent-Length: 0\r\n\r\n", b"417"),
    ],
)
def test_invalid_requests_are_refused(port: int, sent: bytes, status: bytes) -> None:
    """An incomplete, broken or hostile request gets neither a 500 nor a 503."""
    assert answer(port, sent).split()[1] == status
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(40)), b"431"),
        (b"GET /" + b"a" * 9000, b"414"),
        (b"GET / HTTP/1.1\nHost: x\n", b"400"),
    ],
)
def test_unfinished_heads_are_refused_as_they_arrive(port: int, sent: bytes, status: bytes) -> None:
    """A head that is too long, or none, is refused without waiting for its end."""
    with connected(port, sent) as connection:
        connection.settimeout(HEAD_TIMEOUT / 2)
        assert connection.recv(100).split()[1] == status


@pytest.mark.parametrize(
    "line", ["SCRIPT_NAME: /x", "PATH_INFO: /x", "REMOTE_USER: x", "X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off"]
)
def test_headers_of_proxies_are_ignored(port: int, line: str) -> None:
    """A client of this machine cannot change the URL or the scheme: TRUSTED_PROXIES alone does."""
    request = f"GET /healthz HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n"
    assert answer(port, request.encode()).split()[1] == b"200"


# Answers


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /docs/openapi.css HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 0\r\n\r\n",
        HEAD + b"Content-Length: 9000000000\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
        HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 9000,
        b"no http\r\n\r\n",
    ],
)
def test_answers_name_no_server_and_forbid_sniffing(port: int, sent: bytes) -> None:
    """Every answer, also to what is not HTTP."""
    with connected(port, sent) as connection:
        head = connection.recv(65536).lower()
    assert b"\r\nx-content-type-options: nosniff\r\n" in head
    assert b"\r\nserver:" not in head


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/healthz"), ("GET", "/healthz"), ("GET", "/docs/openapi.css")])
def test_answers_are_complete_while_the_connection_stays(port: int, method: str, path: str) -> None:
    """With a body, without one and from a file: the response is complete while the connection stays open."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        for _ in range(2):
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            assert len(body) == (int(answer.headers["Content-Length"]) if method == "GET" else 0)


def test_expect_100_continue(port: int) -> None:
    """`Expect: 100-continue` is answered before the body is sent."""
    with connected(port, HEAD + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n") as connection:
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(100).startswith(b"HTTP/1.1 401")


# Connections without a request


@contextmanager
def twenty_places(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port of a web server with twenty places, and its process."""
    port = processes.free_port()
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS=as_toml("shop", shop_keys("shopify")),
        PORT=str(port),
        WEB_CONCURRENCY="1",
        WEB_THREADS="20",
    )
    processes.migrate(env)
    ready = f"http://127.0.0.1:{port}/readyz"
    with processes.running("web", env=env, log=folder / "log", ready=ready) as process:
        yield port, process


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server with twenty places, which tests share."""
    with twenty_places(tmp_path_factory.mktemp("small")) as (port, _):
        yield port


@pytest.fixture
def stoppable(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of one that the test stops."""
    with twenty_places(tmp_path) as server:
        yield server


def connected(port: int, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(sent)
    return connection


def deliver(port: int) -> int:
    url = f"http://127.0.0.1:{port}/webhooks/shopify/shop"
    return requests.post(url, data=ORDER.body, headers=ORDER.sent_headers, timeout=10).status_code


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /webhooks/shopify/shop HTTP/1.1\r\nHost: x\r\nX-A",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        HEAD + b"Content-Length: 1000\r\n\r\nabc",
        CHUNKED + b"1000\r\nabc",
        b"GET /docs HTTP/1.1\r\nHost: x\r\n\r\n" * 300,
    ],
    ids=["silent", "half a head", "answered", "half a body", "half a chunk", "answers that are not read"],
)
def test_unverified_connections_make_room(small: int, sent: bytes) -> None:
    """More connections that wait than places do not keep a genuine request out, whatever they wait for."""
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connected(small, sent))
        assert deliver(small) == 200


def test_first_head_has_a_timeout(small: int) -> None:
    """A silent connection is closed without a response."""
    with connected(small, b"") as connection:
        began = time.monotonic()
        assert connection.recv(1000) == b""
        assert time.monotonic() - began < 2 * HEAD_TIMEOUT


def test_stop_does_not_wait_for_idle_connections(
    stoppable: tuple[int, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Idle connections do not delay the shutdown until gunicorn kills the process."""
    port, process = stoppable
    with connected(port, b""), requests.Session() as session:
        assert session.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok
        process.terminate()
        assert process.wait(20) == 0
    assert "Worker exiting" in (tmp_path / "log").read_text()


def test_stop_answers_requests_on_new_connections(stoppable: tuple[int, subprocess.Popen[bytes]]) -> None:
    """A request that comes over a connection which was opened before the stop is answered."""
    port, process = stoppable
    with ExitStack() as stack:
        opened = [stack.enter_context(connected(port, b""))]
        process.terminate()
        with suppress(ConnectionError):
            while True:
                opened.append(stack.enter_context(connected(port, b"")))
                time.sleep(0.1)
        assert b"HTTP/1.1 200" in [health(connection) for connection in opened]
        assert process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_finishes_a_request_under_way(
    stoppable: tuple[int, subprocess.Popen[bytes]], tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C too, at which gunicorn itself would end at once."""
    port, process = stoppable
    headers = {"Host": "x", "Content-Length": len(ORDER.body), "Expect": "100-continue"} | ORDER.sent_headers
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = "".join(["POST /webhooks/shopify/shop HTTP/1.1\r\n", *lines, "\r\n"])
    with connected(port, head.encode()) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        process.send_signal(number)
        processes.wait_for(lambda: "Handling signal" in (tmp_path / "log").read_text())
        connection.sendall(ORDER.body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert process.wait(20) == 0


def test_a_server_that_stops_serves_until_idle_connections_are_closed(
    stoppable: tuple[int, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """A webhook that arrives meanwhile is answered: behind a socket of systemd it would wait for the next start."""
    port, process = stoppable
    with connected(port, b""):
        process.terminate()
        processes.wait_for(lambda: "Handling signal: term" in (tmp_path / "log").read_text())
        for _ in range(5):
            time.sleep(0.1)
            assert deliver(port) == 200
        assert process.wait(20) == 0


def health(connection: socket.socket) -> bytes:
    """Ask for the health on an open connection; empty where the server has closed it."""
    with suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection.recv(100)[:12]
    return b""


def test_incomplete_large_bodies_have_a_common_limit(small: int) -> None:
    """Bodies that never end cannot fill the memory, and small genuine ones are accepted meanwhile."""
    head = HEAD + b"Content-Length: 5000000\r\n\r\n"
    with ExitStack() as stack:
        heavy = [stack.enter_context(connected(small, head + b"x" * 4_900_000)) for _ in range(16)]
        assert deliver(small) == 200
        answers, _, _ = select.select(heavy, [], [], 10)
        assert answers
        assert answers[0].recv(100).startswith(b"HTTP/1.1 503")
