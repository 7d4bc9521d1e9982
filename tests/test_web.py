"""What only a real web server shows: chunked bodies, half-sent requests, and bytes that are no HTTP."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from tests import processes
from tests.recorded import EVERY, as_toml, shop_keys
from webhook_app.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes")
MAX_BODY = 64 * 1024
HEAD = b"POST /webhooks/shopify/shop HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a web server of one process and one thread: whoever holds that would hold up all."""
    folder, port = tmp_path_factory.mktemp("web"), processes.free_port()
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{folder / 'inbox.db'}",
        SHOPS=as_toml("shop", shop_keys("shopify")),
        PORT=str(port),
        MAX_BODY=str(MAX_BODY),
        WEB_CONCURRENCY="1",
        WEB_THREADS="1",
    )
    assert processes.command("migrate", env=env).returncode == 0
    with processes.running("web", env=env, log=folder / "log", ready=f"http://127.0.0.1:{port}/readyz"):
        yield port
    with closing(Inbox(env["DATABASE_URL"])) as inbox:
        assert inbox.counts() == {"received": 1}


def answer(port: int, sent: bytes) -> bytes:
    """Send bytes, close our half, and return the first line of what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536).split(b"\r\n")[0]


def test_chunked_delivery_is_stored(port: int) -> None:
    """A body without a length is the same body."""
    pieces = (ORDER.body[start : start + 1000] for start in range(0, len(ORDER.body), 1000))
    headers = {name: value for name, value in ORDER.sent_headers.items() if name != "Content-Length"}
    url = f"http://127.0.0.1:{port}/webhooks/shopify/shop"
    response = requests.post(url, data=pieces, headers=headers, timeout=10)
    assert (response.status_code, response.json()["status"]) == (200, "stored")


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_BODY * 20])
def test_too_large_chunked_body_is_413(port: int, size: int) -> None:
    """A body that does not say how long it is, is cut off at the limit."""
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
    ],
)
def test_strangers_are_refused_by_name(port: int, sent: bytes, status: bytes) -> None:
    """No half-sent, broken or hostile request gets a 500, or a 503 that says that we are at fault."""
    assert answer(port, sent).split()[1] == status
    assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok
