"""Gunicorn's gevent worker, with an end to how long it bears with connections that ask for nothing."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import gevent
from gunicorn.workers.ggevent import GeventWorker

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_WITHIN = 10.0  # seconds for the first request's head; a later one may take as long as gunicorn's keepalive
SPARE = 0.05  # of the connections are kept free: whoever has waited longest goes for one who has just come


class BoundedGeventWorker(GeventWorker):
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

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request."""
        answer: Any = WholeAnswer(sock)
        try:
            return super().handle_request(listener_name, req, answer, addr)
        finally:
            with suppress(OSError):
                answer.flush()

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


class WholeAnswer:
    """A socket for one answer, which sends the head together with what follows it.

    Gunicorn sends the head by itself: one packet more, and one system call, for answers of a few bytes.
    """

    def __init__(self, socket: Any) -> None:
        """Everything but sending goes to `socket` as it is."""
        self._socket = socket
        self._head: bytes | None = None  # until it comes; empty once it is gone

    def __getattr__(self, name: str) -> Any:
        """Be the socket."""
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        """Hold back what comes first, and send it with what comes next."""
        if self._head is None:
            self._head = data
        else:
            head, self._head = self._head, b""
            self._socket.sendall(head + data)

    def sendfile(self, *args: Any, **kwargs: Any) -> Any:
        """Send a file, which follows the head without passing through here."""
        self.flush()
        return self._socket.sendfile(*args, **kwargs)

    def flush(self) -> None:
        """Send a head that nothing follows."""
        if self._head:
            self.sendall(b"")
