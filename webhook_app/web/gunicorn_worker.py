"""Gunicorn's gevent worker with time limits for connections that send no request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_TIMEOUT = 10.0  # seconds for the head of the first request; later ones have gunicorn's keepalive
SPARE = 0.05  # share of the connections to keep free, by closing the one that has waited longest


class BoundedGeventWorker(GeventWorker):
    """Closes waiting connections: after HEAD_TIMEOUT, the oldest when places run out, and all of them on shutdown.

    A waiting connection has no request in progress, so no webhook is lost by closing it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        self._waiting: dict[gevent.Greenlet[..., Any], gevent.Timeout] = {}  # oldest first
        self._served: set[gevent.Greenlet[..., Any]] = set()
        self._open = 0

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection until it is closed."""
        self._open += 1
        if self._open > self.worker_connections * (1 - SPARE):
            self._close(list(self._waiting.items())[:1])
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
        self._waiting[current] = limit
        try:
            with limit:
                yield
        except gevent.Timeout as expired:
            if expired is not limit:
                raise
        finally:
            del self._waiting[current]

    def notify(self) -> None:
        """Send the heartbeat; on shutdown close all waiting connections."""
        super().notify()
        if not self.alive:
            self._close(list(self._waiting.items()))

    @staticmethod
    def _close(waiting: list[tuple[gevent.Greenlet[..., Any], gevent.Timeout]]) -> None:
        """Make these time out now."""
        for greenlet, limit in waiting:
            gevent.kill(greenlet, limit)
