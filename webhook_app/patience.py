"""How long the web server bears with connections that ask for nothing: gunicorn's gevent worker, with an end to it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_WITHIN = 10.0  # seconds for the first request's head; a later one may take as long as gunicorn's keepalive
SPARE = 0.05  # of the connections are kept free: whoever has waited longest goes for one who has just come


class PatientWorker(GeventWorker):
    """Ends connections that wait: the first head after a while, the oldest when room is short, all when it stops.

    Nothing is under way on a connection that waits, so that no webhook is lost by ending it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As gunicorn calls it."""
        super().__init__(*args, **kwargs)
        self._waiting: dict[gevent.Greenlet[..., Any], gevent.Timeout] = {}  # oldest first
        self._served: set[gevent.Greenlet[..., Any]] = set()
        self._open = 0

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection to its end."""
        self._open += 1
        if self._open > self.worker_connections * (1 - SPARE):
            self._end(list(self._waiting.items())[:1])
        try:
            super().handle(listener, client, addr)
        finally:
            self._open -= 1
            self._served.discard(gevent.getcurrent())

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # the stub forgets what it returns
        """Wait for the head of a request, for so long and no longer."""
        current: Any = gevent.getcurrent()
        limit = gevent.Timeout(self.cfg.keepalive if current in self._served else HEAD_WITHIN)
        self._served.add(current)
        self._waiting[current] = limit
        try:
            with limit:
                yield
        except gevent.Timeout as ended:
            if ended is not limit:
                raise
        finally:
            del self._waiting[current]

    def notify(self) -> None:
        """Say that we live; once we are to stop, nobody needs to be waited for."""
        super().notify()
        if not self.alive:
            self._end(list(self._waiting.items()))

    @staticmethod
    def _end(waiting: list[tuple[gevent.Greenlet[..., Any], gevent.Timeout]]) -> None:
        """Let these time out now."""
        for greenlet, limit in waiting:
            gevent.kill(greenlet, limit)
