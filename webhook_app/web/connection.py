"""One client's connection, as a web process reads and writes it: within time limits, and closed when room is needed."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from enum import Enum
from typing import Any

import gevent
from gevent.event import Event

from webhook_app.errors import OverloadedError

PIECE = 64 * 1024  # bytes of one read or write
HEAD_TIMEOUT = 10.0  # seconds from the first byte of a head to its last; also for the first byte of a connection
BODY_TIMEOUT = 60.0  # seconds for what an endpoint reads; the endpoints have shorter limits of their own
WRITE_TIMEOUT = 10.0  # seconds in which the client has to take a piece of an answer
# A sender of single bytes costs as much for each as others for a whole request: after so many small pieces of a
# request, reading pauses, longer each time, so that several arrive together.
SMALL, FREE_PIECES = 512, 8  # bytes; pieces of a head or of a body
PAUSE, MAX_PAUSE = 0.1, 1.0  # seconds
LINGER, LINGER_BYTES = 2.0, 16 * 1024 * 1024  # seconds and bytes to discard after an answer, before closing


class _Wait(Enum):
    NONE = "a request is in progress"
    READ = "for the client to send"
    WRITE = "for the client to read"


class Connection:
    """Stands in for the client's socket; only the green thread that serves the connection reads and writes."""

    def __init__(self, client: Any) -> None:
        """`client` is a socket of gevent."""
        self.verified = False  # whether its latest request was
        self.between_requests, self.since = True, time.monotonic()  # since it was opened or answered
        self.answered = False  # whether the answer to the current request has begun
        self.closing = False
        self._client = client
        self._wait, self._pausing = _Wait.NONE, None
        self._deadline, self._small_pieces = 0.0, 0

    _pausing: Event | None

    @property
    def unix_path(self) -> str:
        """The path of the Unix socket that the client connected to; "" where that was an address."""
        return str(self._client.getsockname()) if self._client.family == socket.AF_UNIX else ""

    def begin_request(self) -> None:
        """Note that the head of a request has arrived."""
        self.between_requests, self.answered = False, False
        self.expect(BODY_TIMEOUT)

    def end_request(self, *, verified: bool) -> None:
        """Note that a request was answered, and whether it was verified."""
        self.between_requests, self.since, self.verified = True, time.monotonic(), verified

    def expect(self, seconds: float) -> None:
        """Limit what is read from now on to `seconds`."""
        self._deadline, self._small_pieces = time.monotonic() + seconds, 0

    def receive(self, size: int = PIECE) -> bytes:
        """Return the next bytes, none when the client has closed.

        Raises TimeoutError, other OSErrors, and OverloadedError when the connection makes room for another.
        """
        if self._small_pieces > FREE_PIECES:
            self.pause(min(PAUSE * (self._small_pieces - FREE_PIECES), MAX_PAUSE))
        self._refuse_closing()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._client.settimeout(left)
        self._wait = _Wait.READ
        try:
            data: bytes = self._client.recv(size)
        finally:
            self._wait = _Wait.NONE
        if not data:
            self._refuse_closing()
        if len(data) < SMALL:
            self._small_pieces += 1
        return data

    def pause(self, seconds: float) -> None:
        """Let other green threads run. Raises OverloadedError as receive() does."""
        self._wait, self._pausing = _Wait.READ, Event()
        try:
            self._pausing.wait(seconds)
        finally:
            self._wait, self._pausing = _Wait.NONE, None
        self._refuse_closing()

    def give_way(self) -> None:
        """Let other green threads run in the middle of what the client has sent. Raises OverloadedError."""
        self._wait = _Wait.READ
        try:
            gevent.sleep(0)
        finally:
            self._wait = _Wait.NONE
        self._refuse_closing()

    def resume(self) -> None:
        """End a pause."""
        if self._pausing:
            self._pausing.set()

    def sendall(self, data: bytes) -> None:
        """Send a part of the answer. Raises TimeoutError when the client does not read it, and other OSErrors."""
        self.answered = True
        self._client.settimeout(WRITE_TIMEOUT)
        self._wait = _Wait.WRITE
        try:
            for start in range(0, len(data), PIECE):
                piece = data[start : start + PIECE]
                # Nearly always all of it; sendall() asks for the size of the socket's buffer first: see http_answers.
                sent = self._client.send(piece)
                if sent < len(piece):
                    self._client.sendall(piece[sent:])
        finally:
            self._wait = _Wait.NONE

    def send(self, data: bytes) -> None:
        """Send an interim answer: "100 Continue"."""
        self.sendall(data)
        self.answered = False

    @property
    def can_make_room(self) -> bool:
        """Whether make_room() would close it: it waits for its client, or lets others run."""
        return not self.closing and self._wait is not _Wait.NONE

    def make_room(self) -> bool:
        """Close unless a request is in progress; returns whether it is closed.

        What has arrived already is still read: a request that is complete by then is answered.
        """
        if not self.can_make_room:
            return False
        self.closing = True
        with suppress(OSError):
            # Gevent's own shutdown() raises in the green thread that reads, which then misses what has arrived.
            plain: socket.socket = self._client._sock  # noqa: SLF001
            plain.shutdown(socket.SHUT_RD if self._wait is _Wait.READ else socket.SHUT_RDWR)
        self.resume()
        return True

    def linger(self) -> None:
        """Let the client read the answer: closing while it still sends would reset the connection, and lose it."""
        with suppress(OSError, OverloadedError):
            self._client.shutdown(socket.SHUT_WR)
            self.expect(LINGER)
            left = LINGER_BYTES
            while left > 0 and (data := self.receive()):
                left -= len(data)
                self.give_way()

    def _refuse_closing(self) -> None:
        if self.closing:
            raise OverloadedError("too many connections")
