"""What the web process sends besides the app's answers: gunicorn's part of their heads, and refusals of its own."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gunicorn.http.errors import (  # type: ignore[attr-defined]  # the stub is of an older gunicorn
    ConfigurationProblem,
    ExpectationFailed,
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ObsoleteFolding,
    UnsupportedTransferCoding,
)
from gunicorn.http.wsgi import Response
from gunicorn.util import http_date

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
LENGTHS = ("CONTENT-LENGTH", "TRANSFER-ENCODING")
LENGTH_HINT = "Content-Length or Transfer-Encoding is invalid, was sent twice, or one beside the other."
REPEATED_HINT = "A header that a request may have only once was sent more than once, such as Host or Content-Type."
BARE_LINE_FEED = "bare LF"  # as gunicorn's parsers name it
LINE_HINT = "A line of the head ends in a line feed alone: send CR LF."
# What is wrong with a request that is answered with 400; nothing of the request is repeated.
HINTS: tuple[tuple[type[ParseException], str], ...] = (
    (InvalidRequestMethod, "The method is no token in capital letters, such as POST."),
    (InvalidHTTPVersion, "The version of HTTP is neither 1.0 nor 1.1: a proxy must not pass on HTTP/2."),
    (InvalidRequestLine, "The first line must be <METHOD> <path> HTTP/1.1 in ASCII: percent-encode other characters."),
    (ObsoleteFolding, "A header goes on in a second line: send it in one."),
    (InvalidHeaderName, "A header's name is empty, or has a character that names cannot have."),
    (InvalidHeader, "A header has no name, no colon, or a control character in its value."),
)


class Answer(Response):
    """Gunicorn's writer of an answer, which does not name the server and ends connections that cannot go on.

    The head is put together here, with a date that is written once a second: gunicorn's own, and its sendall() for each
    answer, would let the receiver accept 5 % less (1.04 to 1.07 in three pairs of `accept-sqlite`).
    """

    def default_headers(self) -> list[str]:
        """Return the status line and gunicorn's own headers."""
        if self.req.has_unread_body():  # type: ignore[attr-defined]
            self.force_close()
        version: Any = self.req.version
        return [
            f"HTTP/{version[0]}.{version[1]} {self.status}\r\n",
            f"Date: {_date(int(time.time()))}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
            *(["Transfer-Encoding: chunked\r\n"] if self.chunked else []),
        ]


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """Return the value of the Date header, which is the same for many answers."""
    return str(http_date(second))


def status_of(error: ParseException) -> int:
    """Return the status for a request that could not be read."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), NOT_HTTP)


def hint_of(error: ParseException) -> str:
    """Return what is wrong with a request that could not be read, "" where its status is what is known."""
    if status_of(error) != NOT_HTTP:
        return ""
    if isinstance(error, InvalidHeader):
        if error.hdr in LENGTHS:
            return LENGTH_HINT
        if str(error.hdr).startswith(BARE_LINE_FEED):
            return LINE_HINT
        if error.req is not None:
            return REPEATED_HINT
    return next((hint for kind, hint in HINTS if isinstance(error, kind)), "")


def refuse(connection: Connection, status: int, found: str = "") -> None:
    """Answer a request that does not reach the app, and end the connection; a client that has gone gets nothing.

    `found` is what is wrong with it, where more is known than the status says.
    """
    phrase, reason, hint = REFUSALS[status]
    hint = found or hint
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
