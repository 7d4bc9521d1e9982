"""Reading bodies: within their limits of size and time, and so that strangers cannot fill the memory."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, RequestTimeout

from webhook_app import green_threads
from webhook_app.errors import StoreUnavailableError

READ_WITHIN = 30.0  # seconds for a body, whoever drips it
PIECE = 64 * 1024  # bytes; an order is seldom larger, and the first piece is always read
MOST_HELD = 64 * 1024 * 1024  # bytes of bodies that are not complete, in one process


class BodyReader:
    """Reads the bodies of one process's requests, none of which is proven before it is complete."""

    def __init__(self, largest: int) -> None:
        """`largest` is in bytes."""
        self.largest, self._held = largest, 0

    def read(self) -> bytes:
        """Return the raw body of the current request.

        Raises RequestEntityTooLarge, RequestTimeout, BadRequest, and StoreUnavailableError when the unfinished bodies
        of the process are too large together.
        """
        # One byte more than allowed tells a chunked body that is too large from one that just fits.
        request.max_content_length = self.largest + 1
        try:
            with green_threads.time_limit(READ_WITHIN):
                body = self._gathered()
        except (HTTPException, StoreUnavailableError):
            raise
        except TimeoutError:
            raise RequestTimeout from None
        except Exception:  # noqa: BLE001 - whatever goes wrong, each server by another name, was wrong on its way
            raise BadRequest from None
        announced = request.content_length
        if announced is not None and len(body) < announced:
            raise BadRequest
        return body

    def _gathered(self) -> bytes:
        stream, pieces, size = request.stream, list[bytes](), 0
        try:
            while piece := stream.read(PIECE):
                pieces.append(piece)
                size += len(piece)
                self._held += len(piece)
                self._check(size)
                if size > PIECE:
                    green_threads.yield_control()
            return b"".join(pieces)
        finally:
            self._held -= size

    def _check(self, size: int) -> None:
        if size > self.largest:
            raise RequestEntityTooLarge
        if size > PIECE and self._held > MOST_HELD:
            raise StoreUnavailableError("too many large bodies are on their way")
