"""Gunicorn's gevent worker with time limits for connections that send no request."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD_TIMEOUT = 10.0  # seconds for the head of the first request; later ones have gunicorn's keepalive
LAST_REQUEST = 2.0  # seconds on shutdown for a request that may be on its way over a connection
SPARE = 0.05  # share of the connections to keep free, by closing the one that has waited longest


@dataclass(eq=False, slots=True)
class _Wait:
    """One connection's wait for the head of a request."""

    greenlet: gevent.Greenlet[..., Any]
    limit: gevent.Timeout
    since: float = field(default_factory=time.monotonic)
    ended: bool = False

    def end(self) -> None:
        """Make it time out, unless its request has arrived since this was planned: that one must be answered."""
        if not self.ended:
            self.greenlet.throw(self.limit)


class BoundedGeventWorker(GeventWorker):
    """Closes waiting connections: after HEAD_TIMEOUT, the oldest when places run out, and all of them on shutdown.

    A waiting connection has no request in progress, so no webhook is lost by closing it. On shutdown one that has just
    been opened or answered stays for LAST_REQUEST: its client cannot know yet, and a request that is on its way would
    get no answer.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        self._waiting: dict[_Wait, None] = {}  # oldest first
        self._served: set[gevent.Greenlet[..., Any]] = set()
        self._open = 0

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection until it is closed."""
        self._open += 1
        if self._open > self.worker_connections * (1 - SPARE):
            self._close(list(self._waiting)[:1])
        try:
            super().handle(listener, client, addr)
        finally:
            self._open -= 1
            self._served.discard(gevent.getcurrent())

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # the stub lacks the return type
        """Limit the wait for the head of a request."""
        current: Any = gevent.getcurrent()
        limit = gevent.Timeout(self.cfg.keepalive if current in self._served else HEAD_TIMEOUT)
        self._served.add(current)
        wait = _Wait(current, limit)
        self._waiting[wait] = None
        try:
            with limit:
                yield
        except gevent.Timeout as expired:
            if expired is not limit:
                raise
        finally:
            wait.ended = True
            del self._waiting[wait]

    def notify(self) -> None:
        """Send the heartbeat; on shutdown close the connections on which no request can be expected."""
        super().notify()
        if not self.alive:
            before = time.monotonic() - LAST_REQUEST
            self._close([wait for wait in self._waiting if wait.since < before])

    @staticmethod
    def _close(waiting: Iterable[_Wait]) -> None:
        """Let these time out in the event loop's next round."""
        for wait in waiting:
            gevent.get_hub().loop.run_callback(wait.end)
