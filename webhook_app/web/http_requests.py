"""Reads requests off a connection with gunicorn's parsers, within limits of bytes and of work.

Nothing is verified while a request is read. So each step has a bound: a head is buffered whole before it is parsed, and
each byte is looked at once; what chunks cost besides their payload is limited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import (
    InvalidChunkSize,
    InvalidHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    NoMoreData,
    ParseException,
)
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from webhook_app.web.connection import HEAD_TIMEOUT, PIECE

if TYPE_CHECKING:
    from gunicorn.config import Config

    from webhook_app.web.connection import Connection

MAX_HEAD = 16 * 1024  # bytes of request line and headers
READ_AHEAD = 8 * 1024  # bytes; what is read of a body along with its head stays small
# Chunks a body may have: so many, and one more for each so many bytes. Senders that stream use chunks of a kilobyte
# and more; each chunk costs about as much time as a kilobyte of payload.
FREE_CHUNKS, BYTES_PER_CHUNK = 512, 64
MAX_SIZE_LINE = 256  # bytes, with a chunk's extensions
MAX_TRAILERS = 8 * 1024  # bytes
CHUNKS_BEFORE_YIELDING = 16
END = b"\r\n\r\n"


class RequestReader(Unreader):
    """The bytes of a connection, from which gunicorn parses one request after the other."""

    def __init__(self, connection: Connection, config: Config, client: Any) -> None:
        """`config` is gunicorn's; `client` is the client's address."""
        super().__init__()
        self.has_part_of_a_head = False
        self.connection, self._config, self._client = connection, config, client
        self._number = 0

    def next_request(self, seconds: float) -> BoundedRequest | None:
        """Return the next request without its body; None when the client has closed the connection before it.

        `seconds` is the limit for its first byte. Raises ParseException, NoMoreData, and what receive() raises.
        """
        head = bytearray(self.take_buffered())
        if not head:
            self.connection.expect(seconds)
            head += self.chunk()
        if not head:
            return None
        self.has_part_of_a_head = True
        self._complete(head)
        self.unread(head)
        self._number += 1
        request = BoundedRequest(self._config, self, self._client, self._number)
        self.has_part_of_a_head = False
        return request

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """Return bytes as gunicorn's readers do; a parser gets what is buffered, and then no more."""
        if self.has_part_of_a_head and not self.buf.getbuffer().nbytes:
            return b""
        return super().read(size, read_ahead)  # type: ignore[call-arg]  # the stub is of an older gunicorn

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes, up to `size_hint` of them where more than a little is wanted."""
        return self.connection.receive(min(max(size_hint or 0, READ_AHEAD), PIECE))

    def _complete(self, head: bytearray) -> None:
        """Add to `head` until it has its end, or cannot be one."""
        searched = 0
        while (end := head.find(END, max(searched - len(END) + 1, 0))) < 0:
            if not searched:
                self.connection.expect(HEAD_TIMEOUT)
            self._check(head, searched)
            searched = len(head)
            if not (data := self.chunk()):
                raise NoMoreData
            head += data
        if end + len(END) > MAX_HEAD:
            raise LimitRequestHeaders("too long")

    def _check(self, head: bytearray, searched: int) -> None:
        """Refuse what no further byte can make a head; up to `searched` it was checked before."""
        longest = self._config.limit_request_line + 4  # with the empty line that may come first, and the line's end
        if head.count(b"\n", searched) > head.count(b"\r\n", max(searched - 1, 0)):
            raise InvalidHeader("bare LF")
        if len(head) >= longest and head.find(b"\r\n", 2, longest) < 0:
            raise LimitRequestLine(len(head), longest)
        if len(head) >= MAX_HEAD:
            raise LimitRequestHeaders("too long")


class BoundedRequest(Request):
    """A request whose chunks are limited in number."""

    body: Any

    def _peer_is_trusted_proxy(self) -> bool:
        """Return that no client may name a scheme or the like: proxies are trusted by TRUSTED_PROXIES alone."""
        return False

    def set_body_reader(self) -> None:
        """Choose how the body is read."""
        super().set_body_reader()
        if isinstance(self.body.reader, ChunkedReader):
            self.body = Body(BoundedChunkedReader(self, cast("RequestReader", self.unreader)))

    def has_unread_body(self) -> bool:
        """Return whether there is more of the body, or may be: then no request can follow on the connection."""
        reader = self.body.reader
        return bool(reader.length if isinstance(reader, LengthReader) else reader.parser) or self.body.failed


class BoundedChunkedReader(ChunkedReader):
    """Decodes chunks; an invalid or wasteful one is an OSError, as a broken connection is."""

    def __init__(self, request: Request, reader: RequestReader) -> None:
        """Nothing is read yet."""
        super().__init__(request, reader)
        self._connection = reader.connection
        self.limit_chunk_size_line, self.limit_trailer_section = MAX_SIZE_LINE, MAX_TRAILERS
        self._chunks, self._payload = 0, 0

    def read(self, size: int) -> bytes:
        """Return `size` bytes of the payload, fewer at its end. Raises OSError."""
        try:
            return super().read(size)
        except ParseException as error:
            raise OSError(type(error).__name__) from None

    def parse_chunk_size(self, unreader: Unreader, data: bytes | None = None) -> tuple[int, bytes | None]:
        """Return the size of the next chunk and what follows; lets others run now and then."""
        data = data or unreader.read()
        if len(data) > MAX_SIZE_LINE + 2 and data.find(b"\r\n", 0, MAX_SIZE_LINE + 2) < 0:
            raise InvalidChunkSize(b"too many extensions")
        size, rest = super().parse_chunk_size(unreader, data)
        self._chunks, self._payload = self._chunks + 1, self._payload + size
        if self._chunks > FREE_CHUNKS + self._payload // BYTES_PER_CHUNK:
            raise InvalidChunkSize(b"too many small chunks")
        if self._chunks % CHUNKS_BEFORE_YIELDING == 0:
            self._connection.give_way()
        return size, rest
