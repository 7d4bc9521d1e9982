"""Gunicorn's gevent worker with limits for what a client can cost before it is verified."""

from __future__ import annotations

import signal
import socket
import time
from contextlib import closing
from functools import partial
from os import getppid
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
from gevent import monkey
from gevent.event import Event
from gevent.pool import Pool
from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.workers import ggevent

from webhook_app import logs
from webhook_app.errors import OverloadedError
from webhook_app.green_threads import VERIFIED
from webhook_app.reloading import IGNORED
from webhook_app.web.connection import HEAD_TIMEOUT, Connection
from webhook_app.web.fixed_settings import FixedSettings
from webhook_app.web.http_answers import BROKEN, TOO_SLOW, Answer, hint_of, refuse, status_of
from webhook_app.web.http_requests import RequestReader
from webhook_app.web.listener import Listener
from webhook_app.web.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterable

ARRIVALS = 40  # connections beyond the places, until others have made room for them
STOPS = (signal.SIGTERM, signal.SIGQUIT)  # requests are finished at both
EVENTS = ("/webhooks/", "/storefront/")  # where genuine events arrive
LAST_REQUEST = 2.0  # seconds on shutdown for a request that may be on its way over a connection
FIRST_REQUEST = 0.5  # the same for a connection that was opened during the shutdown: its client knows no other answer
HEARTBEAT = 1.0  # seconds
POLL = 0.02  # seconds between two looks at what is not finished on shutdown


class BoundedGeventWorker(ggevent.GeventWorker):
    """Serves HTTP/1: within limits, and when places run out the oldest unverified connection makes room.

    A connection whose request is being processed is never closed, so no webhook is lost. On shutdown one that has just
    been opened or answered stays for LAST_REQUEST: its client cannot know yet, and a request that is on its way would
    get no answer. New ones are accepted meanwhile where the whole server stops (`serves_on`): behind a socket of
    systemd they would wait for its next start, elsewhere they would be refused.
    """

    @staticmethod
    def serves_on() -> bool:
        """Return whether no other process takes over when this one stops; replaced by what the arbiter knows."""
        return False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        self._settings: Any = FixedSettings(self.cfg)
        self._places = Places(self.worker_connections)
        self._stopped = Event()
        self._last_request = LAST_REQUEST
        self.worker_connections += ARRIVALS

    def init_signals(self) -> None:
        """Install the handlers, and receive SIGTERM from here on: see web/reload.py.

        What is meant for the arbiter may reach every process, such as Ctrl-C, or a SIGHUP by the program's name.
        gunicorn would end this one, without an answer to the requests under way.
        """
        for number in (*IGNORED, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGABRT, self.handle_abort)
        for number in STOPS:
            signal.signal(number, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def patch(self) -> None:
        """Make the rest green; most has been since the program began, see green_threads.patch()."""
        for replace in (monkey.patch_os, monkey.patch_subprocess, monkey.patch_signal, monkey.patch_queue):
            replace()
        listeners: list[Any] = self.sockets
        self.sockets = [
            gevent.socket.socket(one.FAMILY, socket.SOCK_STREAM, fileno=one.sock.detach()) for one in listeners
        ]

    def run(self) -> None:
        """Serve until the process is stopped, then finish what was accepted.

        gunicorn's would notice the stop a second later, and leave connections that have not been accepted yet.
        """
        for number in STOPS:
            gevent.signal_handler(number, self._stop)
        servers = [self._listener(one) for one in self.sockets]
        for server in servers:
            server.start()
        while self.alive:
            self.notify()
            self._stopped.wait(HEARTBEAT)
        if self.serves_on():
            self._finish(servers, LAST_REQUEST)
            self._last_request = FIRST_REQUEST
        for server in servers:
            server.accept_rest()
            server.close()
        self._finish(servers, self.cfg.graceful_timeout - LAST_REQUEST)
        for server in servers:
            server.stop(timeout=1)

    def _listener(self, listening: Any) -> Listener:
        listening.setblocking(1)
        return Listener(
            listening, handle=partial(self.handle, listening.getsockname()), spawn=Pool(self.worker_connections)
        )

    def _stop(self) -> None:
        self.alive = False
        self._stopped.set()

    def _finish(self, servers: list[Listener], within: float) -> None:
        """Wait until no connection is open, for so many seconds at the most."""
        end = time.monotonic() + within
        while any(server.pool for server in servers) and time.monotonic() < end:
            self.notify()
            gevent.sleep(POLL)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection until it is closed; `listener` is the address at which it arrived.

        The socket itself may be closed by then, when the process stops.
        """
        connection = Connection(client)
        reader = RequestReader(connection, self._settings, addr)
        with closing(client), self._places.taken(connection):
            try:
                self._serve(connection, reader, listener, addr)
            except TimeoutError:
                if reader.has_part_of_a_head:
                    refuse(connection, TOO_SLOW)
            except ParseException as error:
                refuse(connection, status_of(error), hint_of(error))
            except (OSError, OverloadedError):
                pass  # the client has gone, or has to
            except Exception as error:  # noqa: BLE001 - it must not end the process
                logs.logger().error("unexpected_error", exc_info=error)
                if not connection.answered:
                    refuse(connection, BROKEN)

    def _serve(self, connection: Connection, reader: RequestReader, server: Any, addr: Any) -> None:
        """Answer one request after the other."""
        wait, is_open = HEAD_TIMEOUT, True
        while is_open and (request := reader.next_request(wait)):
            if not connection.verified and (wait is not HEAD_TIMEOUT or self._can_wait(request.path)):
                self._places.throttle(connection)
            wait = self._settings.keepalive
            connection.begin_request()
            is_open = self.handle_request(server, request, connection, addr)
            if request.has_unread_body():
                connection.linger()

    def _can_wait(self, path: str | None) -> bool:
        return self._places.ran_out and not (path or "").startswith(EVENTS)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Let the app answer a request; returns whether another one may follow on its connection."""
        answer: Any
        answer, environ = wsgi.create(req, sock, addr, listener_name, self._settings, response_class=Answer)
        environ["wsgi.multithread"] = True
        self.nr += 1
        self.alive = self.alive and self.nr < self.max_requests
        if not (self.alive and self._settings.keepalive):
            answer.force_close()
        pieces: Any = self.wsgi(environ, answer.start_response)
        try:
            _write(answer, pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        sock.end_request(verified=VERIFIED in environ)
        if sock.verified:
            self._places.renew(sock)
        return not answer.should_close()

    def notify(self) -> None:
        """Send the heartbeat; on shutdown close the connections on which no request can be expected."""
        self.tmp.notify()
        if self.ppid != getppid():
            self._stop()  # the arbiter was killed
        if not self.alive:
            self._places.close_idle(self._last_request)


def _write(answer: Any, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        answer.write(piece)
    answer.close()
