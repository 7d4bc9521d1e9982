"""What the web process sends besides the app's answers: gunicorn's part of their heads, and refusals of its own."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from gunicorn.http.errors import (  # type: ignore[attr-defined]  # the stub is of an older gunicorn
    ConfigurationProblem,
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    UnsupportedTransferCoding,
)
from gunicorn.http.wsgi import Response

from webhook_app import logs
from webhook_app.web.http_requests import MAX_HEAD

if TYPE_CHECKING:
    from gunicorn.http.errors import ParseException

    from webhook_app.web.connection import Connection

NOT_HTTP, TOO_SLOW, BROKEN = 400, 408, 503
STATUSES: tuple[tuple[type[ParseException], int], ...] = (
    (LimitRequestLine, 414),
    (ExpectationFailed, 417),
    (LimitRequestHeaders, 431),
    (UnsupportedTransferCoding, 501),  # https://www.rfc-editor.org/rfc/rfc9112#section-6.1
    (InvalidResponseHeader, BROKEN),
    (InvalidResponseHeaderName, BROKEN),
    (ConfigurationProblem, BROKEN),
)
HEAD_LIMIT = f"The head is larger than {MAX_HEAD} bytes, or has too many headers or one that is too long."
REFUSALS = {
    NOT_HTTP: ("Bad Request", "bad_request", "This is not a valid HTTP request."),
    TOO_SLOW: ("Request Timeout", "request_timeout", "The head of the request took too long."),
    414: ("URI Too Long", "url_too_long", "The first line of the request is too long."),
    417: ("Expectation Failed", "expectation_failed", "Expect may only be 100-continue."),
    431: ("Request Header Fields Too Large", "head_too_large", HEAD_LIMIT),
    501: ("Not Implemented", "transfer_encoding", "Transfer-Encoding may only be chunked."),
    BROKEN: ("Service Unavailable", "unavailable", "Nothing was stored; please send it again."),
}


class Answer(Response):
    """Gunicorn's writer of an answer, which does not name the server and ends connections that cannot go on."""

    def default_headers(self) -> list[str]:
        """Return the status line and gunicorn's own headers."""
        if self.req.has_unread_body():  # type: ignore[attr-defined]
            self.force_close()
        return [line for line in super().default_headers() if not line.startswith("Server:")]


def status_of(error: ParseException) -> int:
    """Return the status for a request that could not be read."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), NOT_HTTP)


def refuse(connection: Connection, status: int) -> None:
    """Answer a request that does not reach the app, and end the connection; a client that has gone gets nothing."""
    phrase, reason, hint = REFUSALS[status]
    logs.logger().debug("request_refused", code=status, reason=reason, hint=hint)
    body = json.dumps({"error": reason, "hint": hint}) + "\n"
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        *(["Retry-After: 30"] if status == BROKEN else []),
    ]
    with suppress(OSError):
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        connection.linger()
