"""A program that attacks a receiver without a valid signature: `python -m chaos.attackers KIND PORT SIZE`.

It runs until it is stopped, with the lowest priority and on one core, so that what delays genuine orders is what the
receiver does about it, and not the attacker's own load.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos import orders

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
KIBIBYTE = 1024
TICK = 0.002  # seconds between two single bytes
OPENED_AT_ONCE = 20
RECEIVE_BUFFER = 4096  # bytes; a client that does not read should fill it soon
HEAD = f"POST {orders.PATH} HTTP/1.1\r\nHost: chaos\r\nX-Shopify-Topic: orders/create\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FIELDS = b"".join(b"X-%03d: %b\r\n" % (number, b"a" * 8100) for number in range(90))
FORGED = b"X-Shopify-Hmac-Sha256: AAAA\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True, slots=True)
class Kind:
    """What each connection sends; `drips`: single bytes after that; `repeats`: all of it after each answer."""

    sends: bytes
    drips: bool = False
    repeats: bool = False
    reads: bool = True


KINDS = {
    "silent": Kind(b""),
    "large heads": Kind(HEAD + FIELDS + b"X-Z: ", drips=True),
    "heads in single bytes": Kind(HEAD, drips=True),
    "half bodies": Kind(HEAD + b"Content-Length: 60000\r\n\r\n" + b" " * 50_000, drips=True),
    "tiny chunks": Kind(CHUNKED + b"1\r\na\r\n" * 100_000),
    "long extensions": Kind(CHUNKED + (b"1;" + b"x" * 200 + b"\r\na\r\n") * 5000),
    "answers not read": Kind(b"GET /docs HTTP/1.1\r\nHost: chaos\r\n\r\n" * 300, reads=False),
    "probes": Kind(b"GET /readyz HTTP/1.1\r\nHost: chaos\r\n\r\n", repeats=True),
    "forged orders": Kind(HEAD + FORGED, repeats=True),
}


class Attack:
    """`size` connections of one kind; those that the receiver closes are opened again."""

    def __init__(self, kind: Kind, port: int, size: int) -> None:
        """Nothing is opened yet."""
        self._kind, self._port, self._size = kind, port, size
        self._selector = selectors.DefaultSelector()
        self._pending: dict[socket.socket, bytes] = {}

    def run(self) -> None:
        """Attack for ever; writes a line once the first connections are open."""
        next_tick = 0.0
        self._open()
        sys.stdout.write("attacking\n")
        sys.stdout.flush()
        while True:
            for _ in range(min(self._size - len(self._pending), OPENED_AT_ONCE)):
                self._open()
            for key, events in self._selector.select(TICK):
                self._guarded(key.fileobj, events)  # type: ignore[arg-type]
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK
                self._tick()

    def _open(self) -> None:
        with contextlib.suppress(OSError):
            connection = socket.socket()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._kind.reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            connection.settimeout(1)
            connection.connect(("127.0.0.1", self._port))
            connection.setblocking(False)  # noqa: FBT003 - the name of the parameter is not public
            self._pending[connection] = self._kind.sends
            self._selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _guarded(self, connection: socket.socket, events: int) -> None:
        try:
            self._proceed(connection, events)
        except BlockingIOError:
            pass
        except OSError:
            self._close(connection)

    def _proceed(self, connection: socket.socket, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._send(connection)
        elif self._kind.reads and not connection.recv(64 * KIBIBYTE):
            self._close(connection)
        elif self._kind.repeats:
            self._pending[connection] = self._kind.sends
            self._send(connection)

    def _send(self, connection: socket.socket) -> None:
        pending = self._pending[connection]
        if pending:
            pending = self._pending[connection] = pending[connection.send(pending) :]
        if not pending:
            wanted = selectors.EVENT_READ if self._kind.reads else 0
            if wanted:
                self._selector.modify(connection, wanted)
            else:
                self._selector.unregister(connection)

    def _tick(self) -> None:
        """Send single bytes, and find out which connections that do not read have been closed."""
        for connection, pending in list(self._pending.items()):
            if self._kind.drips and not pending:
                try:
                    connection.send(b"a")
                except OSError:
                    self._close(connection)
            elif not self._kind.reads and connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        del self._pending[connection]
        connection.close()


@contextlib.contextmanager
def attacking(kind: str, port: int, size: int) -> Iterator[None]:
    """Attack in a process of its own; the block begins when the attack has."""
    command = [sys.executable, "-m", "chaos.attackers", kind, str(port), str(size)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command line
        try:
            if process.stdout:
                process.stdout.readline()
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    os.nice(19)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    Attack(KINDS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3])).run()
