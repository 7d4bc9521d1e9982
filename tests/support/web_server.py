"""Web servers of this machine that answer what a test is about."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from http.server import HTTPServer
    from wsgiref.types import WSGIApplication


class Quiet(WSGIRequestHandler):
    """Reads several requests of a connection, and logs none."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def running(server: HTTPServer) -> Iterator[int]:
    """Serve in a thread until the block ends; yields the port."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serving_app(app: WSGIApplication, handler: type[WSGIRequestHandler] | None = None) -> AbstractContextManager[int]:
    """Serve an app on a free port, which is yielded."""
    return running(make_server("127.0.0.1", 0, app, threaded=True, request_handler=handler))


@contextmanager
def serving(
    body: bytes = b"", status: int = 200, tls: ssl.SSLContext | None = None, ahead: float = 0, **headers: str
) -> Iterator[str]:
    """Serve `body` to every GET; the server's clock is `ahead` of this machine's, in seconds."""

    class Handler(BaseHTTPRequestHandler):
        """Gives the one answer."""

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int((timestamp or time.time()) + ahead))

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with running(server) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
