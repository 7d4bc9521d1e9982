"""Reads request bodies within limits of size, time and memory, since nothing is verified before a body is complete."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, RequestTimeout

from webhook_app import green_threads
from webhook_app.errors import OverloadedError

READ_TIMEOUT = 30.0  # seconds for a whole body, however slowly it is sent
CHUNK = 64 * 1024  # bytes; an order is seldom larger, and the first chunk is always read
SLOW = f"The body took longer than {READ_TIMEOUT:.0f} seconds."
BROKEN = (
    "The body ended early, or its chunks are invalid: send its exact number of bytes as Content-Length, and check what "
    "a proxy in between changes."
)
HINTS = (SLOW, BROKEN)
MAX_IN_MEMORY = 64 * 1024 * 1024  # bytes of incomplete bodies in one process


class BodyReader:
    """Reads the bodies of one process's requests."""

    def __init__(self, max_size: int) -> None:
        """`max_size` is in bytes."""
        self.max_size, self._in_memory = max_size, 0

    def read(self) -> bytes:
        """Return the raw body of the current request.

        Raises RequestEntityTooLarge, RequestTimeout, BadRequest, and OverloadedError when the unfinished bodies of the
        process are too large together, or its connections too many.
        """
        announced = request.content_length
        if announced is not None and announced > self.max_size:
            raise RequestEntityTooLarge
        connection: Any = request.environ.get("gunicorn.socket")
        if connection is not None:
            connection.expect(READ_TIMEOUT)
        try:
            body = self._read_all(announced)
        except (RequestEntityTooLarge, OverloadedError):
            raise
        except TimeoutError:
            raise RequestTimeout(SLOW) from None
        except Exception:  # noqa: BLE001 - each server has its own exception for a broken transfer
            raise BadRequest(BROKEN) from None
        if announced is not None and len(body) < announced:
            raise BadRequest(BROKEN)
        return body

    def _read_all(self, announced: int | None) -> bytes:
        stream, chunks, size = request.stream, list[bytes](), 0
        try:
            while size != announced and (chunk := stream.read(CHUNK)):
                chunks.append(chunk)
                size += len(chunk)
                self._in_memory += len(chunk)
                self._check(size)
                if size > CHUNK:
                    green_threads.yield_control()
            return b"".join(chunks)
        finally:
            self._in_memory -= size

    def _check(self, size: int) -> None:
        if size > self.max_size:
            raise RequestEntityTooLarge
        if size > CHUNK and self._in_memory > MAX_IN_MEMORY:
            raise OverloadedError("too many large bodies at once")
