"""A web server in this process that plays the API of a platform, with requests and answers as values."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.web_server import running

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

# Status, headers and body of an answer.
Override = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Request:
    """A request: `number` counts from 1, `sent` is its JSON."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    sent: dict[str, Any]


@contextmanager
def serving(
    respond: Callable[[Request], Override],
    clock: Callable[[], float | None] = lambda: None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Serve what `respond` answers; yields the address. `clock` is in seconds, None for this machine's."""
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version, wbufsize = "HTTP/1.1", -1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else {}
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            status, given, body = respond(Request(next(numbers), self.command, parts.path, query, headers, sent))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **given}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(timestamp or clock(), usegmt=True)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with running(server) as port:
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
