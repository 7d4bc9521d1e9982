"""Connections that cost a server resources: silent, incomplete, never closed."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from typing import Self

from chaos import orders
from chaos.errors import SkippedError

HALF = orders.make(99_999_999)
_HEAD = orders.head(HALF)
_CHUNKED = _HEAD.replace(b"Content-Length: %d" % len(HALF.body), b"Transfer-Encoding: chunked")
_EXPECTS = _HEAD.replace(b"Host: chaos", b"Host: chaos\r\nExpect: 100-continue")

# What a connection of each kind sends at once; those that drip send another byte each second.
SENT = {
    "silent": b"",
    "half a head": _HEAD[:60],
    "half a body": _HEAD + HALF.body[:4000],
    "half a chunk": _CHUNKED + b"1000\r\n" + HALF.body[:100],
    "expecting": _EXPECTS + HALF.body[:100],
    "half a body for no URL": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\nabc",
    "half a second request": b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST /healthz HTTP/1.1\r\n",
    "answered, never closed": b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}
CONNECT_WITHIN = 1.0  # seconds
_QUIET = ("silent", "answered, never closed")


class SlowConnections:
    """`size` connections of one kind; whichever the server closes is opened again a second later."""

    def __init__(self, port: int, kind: str, size: int) -> None:
        """Nothing is opened before the block is entered."""
        self.opened = 0
        self._port, self._kind, self._size = port, kind, size
        self._connections: list[socket.socket] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._press, daemon=True)

    def __enter__(self) -> Self:
        self._refill()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        for connection in self._connections:
            connection.close()

    def _press(self) -> None:
        while not self._stopping.wait(1.0):
            self._connections = [one for one in self._connections if self._lives(one)]
            self._refill()

    def _refill(self) -> None:
        """Open what is missing; a server that takes no more connections is left alone until the next second."""
        with contextlib.suppress(OSError):
            while len(self._connections) < self._size and not self._stopping.is_set():
                self._connections.append(self._open())
                self.opened += 1

    def _open(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=CONNECT_WITHIN)
        try:
            connection.sendall(SENT[self._kind])
        except OSError:
            connection.close()
            raise
        connection.settimeout(0)
        return connection

    def _lives(self, connection: socket.socket) -> bool:
        """Send another byte where the kind drips; False, and closed, once the server has hung up."""
        try:
            if self._kind not in _QUIET:
                connection.send(b"x")
            while connection.recv(4096):
                pass
        except BlockingIOError:
            return True
        except OSError:
            pass
        connection.close()
        return False


def raise_limit(wanted: int) -> None:
    """Let this process and its children open so many files; raises SkippedError where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SkippedError(f"at most {hard} files may be open here, {wanted} are needed")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
