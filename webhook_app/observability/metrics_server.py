"""Serves /metrics from a thread, for a worker, which has no other web server."""

from __future__ import annotations

import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

from webhook_app import logs

if TYPE_CHECKING:
    from webhook_app.observability.metrics_page import MetricsPage

REQUEST_TIMEOUT = 10.0  # seconds
LONGEST_LINE = 65536  # bytes
NOSNIFF = ("X-Content-Type-Options", "nosniff")


class _MetricsServer(ThreadingWSGIServer):
    """Ignores clients that disconnect or send nothing, instead of printing a traceback."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing."""


class _Answer(ServerHandler):
    """The writer of an answer, which does not name the server."""

    server_software = ""

    def cleanup_headers(self) -> None:
        """Add what every answer has."""
        super().cleanup_headers()
        self.headers.setdefault(*NOSNIFF)  # type: ignore[attr-defined]  # missing in the types of wsgiref


class _RequestHandler(WSGIRequestHandler):
    """Limits the time and the length of a request, and writes no access log."""

    timeout = REQUEST_TIMEOUT

    def handle(self) -> None:
        """Answer one request."""
        self.raw_requestline = self.rfile.readline(LONGEST_LINE + 1)
        if len(self.raw_requestline) > LONGEST_LINE:
            self.requestline = self.request_version = self.command = ""
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif self.parse_request():
            environ, errors = self.get_environ(), self.get_stderr()
            answer = _Answer(self.rfile, self.wfile, errors, environ, multithread=False)  # type: ignore[arg-type]
            answer.request_handler = self  # type: ignore[attr-defined]  # wsgiref's own handle() sets it too
            answer.run(self.server.get_app())  # type: ignore[attr-defined]

    def send_header(self, keyword: str, value: str) -> None:
        """Write a header of an answer to a request that could not be read, except for the name of the server."""
        super().send_header(*(NOSNIFF if keyword == "Server" else (keyword, value)))

    def log_message(self, *_: object) -> None:
        """Do nothing."""


class _MetricsServer6(_MetricsServer):
    """The same on an IPv6 address."""

    address_family = socket.AF_INET6


def serve(page: MetricsPage, address: str, port: int) -> None:
    """Serve `page` there; if the port is taken, log a warning and continue without it."""
    try:
        server_class = _MetricsServer6 if ":" in address else _MetricsServer
        server = make_server(address, port, page, server_class, _RequestHandler)
    except OSError as error:
        logs.logger().warning("metrics_unavailable", port=port, error=str(error))
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
