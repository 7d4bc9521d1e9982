"""Serves /metrics from a thread, for a worker, which has no other web server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

from webhook_app import logs

if TYPE_CHECKING:
    from webhook_app.observability.metrics_page import MetricsPage

REQUEST_TIMEOUT = 10.0  # seconds


class _MetricsServer(ThreadingWSGIServer):
    """Ignores clients that disconnect or send nothing, instead of printing a traceback."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing."""


class _RequestHandler(WSGIRequestHandler):
    """Limits the time for a request, and writes no access log."""

    timeout = REQUEST_TIMEOUT

    def log_message(self, *_: object) -> None:
        """Do nothing."""


def serve(page: MetricsPage, port: int) -> None:
    """Serve `page` on `port`; if the port is taken, log a warning and continue without it."""
    try:
        server = make_server("0.0.0.0", port, page, _MetricsServer, _RequestHandler)  # noqa: S104 - scraped from elsewhere
    except OSError as error:
        logs.logger().warning("metrics_unavailable", port=port, error=str(error))
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
