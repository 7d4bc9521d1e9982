"""The places of a web process: how many connections it serves at the same time, and which makes room for another."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import gevent

from webhook_app import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.web.connection import Connection

# Seconds between two requests that are throttled: those that repeat on a connection which has verified nothing, and
# when places run out all but webhooks and storefront events. However many clients send them as fast as they are
# answered, most of the process's time is left for others.
INTERVAL = 0.005
THROTTLED_WITHIN = 60.0  # seconds
PRESSURE = 1.0  # seconds after places ran out
# Seconds in which a connection never makes room: a genuine request arrives a round trip after its connection.
UNDISTURBED = 0.1
REPORT_EVERY = 60.0  # seconds between two lines of log about closed connections


class Places:
    """The open connections, oldest first.

    A connection's age counts from its last verified request, or from its beginning: a client that sends no genuine
    request makes room first, however busy it keeps its connection.
    """

    def __init__(self, size: int) -> None:
        """`size` is the number of connections."""
        self._size, self._taken = size, 0
        self._connections: dict[Connection, float] = {}  # time.monotonic() from which its age counts
        self._queue: dict[Connection, None] = {}
        self._is_serving, self._ran_out_until = False, 0.0
        self._closed, self._next_report = 0, 0.0

    @contextmanager
    def taken(self, connection: Connection) -> Iterator[None]:
        """Give `connection` a place; if there is none left, the oldest that waits for its client is closed."""
        if self._taken >= self._size:
            self._make_room()
        self._taken += 1
        self._connections[connection] = time.monotonic()
        try:
            yield
        finally:
            self._taken -= 1
            self._connections.pop(connection, None)

    def renew(self, connection: Connection) -> None:
        """Count the age of `connection` from now."""
        if connection in self._connections:
            del self._connections[connection]
            self._connections[connection] = time.monotonic()

    def throttle(self, connection: Connection) -> None:
        """Delay a request until it is served, one after the other. Raises OverloadedError."""
        self._queue[connection] = None
        if not self._is_serving:
            self._is_serving = True
            gevent.spawn(self._serve_queue)
        try:
            connection.pause(THROTTLED_WITHIN)
        finally:
            self._queue.pop(connection, None)

    def _serve_queue(self) -> None:
        while self._queue:
            connection = next(iter(self._queue))
            del self._queue[connection]
            connection.resume()
            gevent.sleep(INTERVAL)
        self._is_serving = False

    @property
    def ran_out(self) -> bool:
        """Whether connections had to make room within the last second."""
        return time.monotonic() < self._ran_out_until

    def close_idle(self, seconds: float) -> None:
        """Close every connection that has waited so long for a request."""
        before = time.monotonic() - seconds
        for connection in list(self._connections):
            if connection.between_requests and connection.since < before:
                connection.make_room()

    def _make_room(self) -> None:
        self._ran_out_until = time.monotonic() + PRESSURE
        oldest = self._oldest_to_close()
        if oldest and oldest.make_room():
            del self._connections[oldest]
            self._closed += 1
        if self._closed and time.monotonic() >= self._next_report:
            logs.logger().warning("connections_closed", count=self._closed, places=self._size)
            self._closed, self._next_report = 0, time.monotonic() + REPORT_EVERY

    def _oldest_to_close(self) -> Connection | None:
        """Return the oldest connection that can make room, once it is old enough; none if there is a place by then."""
        while self._taken >= self._size:
            oldest = next((one for one in self._connections if one.can_make_room), None)
            early = self._connections[oldest] + UNDISTURBED - time.monotonic() if oldest else 0.0
            if early <= 0:
                return oldest
            gevent.sleep(early)
        return None
