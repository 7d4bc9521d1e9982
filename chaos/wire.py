"""Arbitrary bytes, written directly to a socket, and the status of what comes back."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
PIECE = 65536
CLOSED, SILENT = "closed", "silent"


def send(port: int, pieces: Iterable[bytes], timeout: float = 3.0) -> list[str]:
    """Send the pieces over one connection, then nothing more; return the status of every answer.

    `timeout` is in seconds, for all of it. Without any answer it is CLOSED where the server hung up, else SILENT.
    """
    deadline = time.monotonic() + timeout
    received = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        with contextlib.suppress(ConnectionError):  # refused before all was sent: what was answered can still be read
            for piece in pieces:
                connection.settimeout(max(deadline - time.monotonic(), 0.01))
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
        try:
            received = _rest(connection, deadline)
        except TimeoutError:
            return [SILENT]
    return [status.decode() for status in STATUS.findall(received)] or [CLOSED]


def _rest(connection: socket.socket, deadline: float) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := _piece(connection, deadline):
            received += piece
    if not received and time.monotonic() >= deadline:
        raise TimeoutError
    return received


def _piece(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(max(deadline - time.monotonic(), 0.01))
    try:
        return connection.recv(PIECE)
    except TimeoutError:
        return b""
