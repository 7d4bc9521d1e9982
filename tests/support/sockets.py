"""Servers made of plain sockets: they misbehave in every way that a test wants."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 60.0  # seconds; on a busy machine the other side may wait for seconds until it runs
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Request:
    """One request as it came over the wire."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.line, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.body = body


class Server:
    """A plain socket that hands every connection to `talk`, each in a thread."""

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
            connection.settimeout(LONGEST)
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
    """Accept and never answer."""
    server.closing.wait(5)


def hanging(server: Server, _connection: socket.socket) -> None:
    """Accept and send nothing until the end."""
    server.closing.wait()


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


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
