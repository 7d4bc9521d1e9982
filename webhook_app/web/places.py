"""The places of a web process: how many connections it serves at the same time, and which makes room for another."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webhook_app import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.web.connection import Connection

# Set in the WSGI environment of a request that was verified.
VERIFIED = "webhook_app.verified"
# Seconds between two requests of connections that have verified nothing, those that are their connection's first aside:
# however many clients repeat a request as soon as it is answered, most of the process's time is left for others.
UNVERIFIED_INTERVAL = 0.001
REPORT_EVERY = 60.0  # seconds between two lines of log about closed connections


class Places:
    """The open connections, oldest first.

    A connection's age counts from its last verified request, or from its beginning: a client that sends no genuine
    request makes room first, however busy it keeps its connection.
    """

    def __init__(self, size: int) -> None:
        """`size` is the number of connections."""
        self._size, self._taken = size, 0
        self._connections: dict[Connection, None] = {}
        self._next_unverified = 0.0
        self._closed, self._next_report = 0, 0.0

    @contextmanager
    def taken(self, connection: Connection) -> Iterator[None]:
        """Give `connection` a place; if there is none left, the oldest that waits for its client is closed."""
        if self._taken >= self._size:
            self._make_room()
        self._taken += 1
        self._connections[connection] = None
        try:
            yield
        finally:
            self._taken -= 1
            self._connections.pop(connection, None)

    def renew(self, connection: Connection) -> None:
        """Count the age of `connection` from now."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = None

    def throttle(self, connection: Connection) -> None:
        """Delay a further request of a connection whose last one was not verified. Raises OverloadedError."""
        now = time.monotonic()
        begin = max(now, self._next_unverified)
        self._next_unverified = begin + UNVERIFIED_INTERVAL
        connection.pause(begin - now)

    def close_idle(self, seconds: float) -> None:
        """Close every connection that has waited so long for a request."""
        before = time.monotonic() - seconds
        for connection in list(self._connections):
            if connection.between_requests and connection.since < before:
                connection.make_room()

    def _make_room(self) -> None:
        oldest = next((one for one in self._connections if one.make_room()), None)
        if oldest:
            del self._connections[oldest]
            self._closed += 1
        if self._closed and time.monotonic() >= self._next_report:
            logs.logger().warning("connections_closed", count=self._closed, places=self._size)
            self._closed, self._next_report = 0, time.monotonic() + REPORT_EVERY
