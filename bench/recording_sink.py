"""A sink as its own program: `python -m bench.recording_sink PORT MILLISECONDS FILE`.

Answers each POST after so many milliseconds and writes `<order id> <time>` into the file, where the order's id is read
from the profile key. GET /status returns the number of POSTs.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import order

if TYPE_CHECKING:
    from typing import TextIO

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ORDER = re.compile(rb'"ProfileKey": ?"%s(\d+)"' % order.KEY_BEGINS.encode())
HEAD_END = b"\r\n\r\n"


class Sink:
    """What all connections share."""

    def __init__(self, delay: float, file: TextIO) -> None:
        """`delay` is in seconds."""
        self.delay, self.file, self.posts = delay, file, 0

    def record(self, body: bytes) -> None:
        """Write down which order was called for, and when."""
        self.posts += 1
        order = ORDER.search(body)
        self.file.write(f"{order[1].decode() if order else '-'} {time.time():.6f}\n")


class Connection(asyncio.Protocol):
    """One keep-alive connection; reads HTTP/1.1 as far as the bench's callers speak it."""

    def __init__(self, sink: Sink) -> None:
        """Nothing has come yet."""
        self._sink = sink
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server gives
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take every request that is complete."""
        self._held += data
        while (end := self._held.find(HEAD_END)) >= 0:
            length = LENGTH.search(self._held, 0, end + 2)
            whole = end + len(HEAD_END) + (int(length[1]) if length else 0)
            if len(self._held) < whole:
                return
            request, self._held = self._held[:whole], self._held[whole:]
            self._take(request, end)

    def _take(self, request: bytes, end: int) -> None:
        if request.startswith(b"GET"):
            self._answer(f"requests {self._sink.posts}".encode())
        else:
            self._sink.record(request[end:])
            if self._sink.delay:
                asyncio.get_running_loop().call_later(self._sink.delay, self._answer, b"{}")
            else:
                self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


async def serve(port: int, sink: Sink) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    with Path(sys.argv[3]).open("w", buffering=1, encoding="ascii") as record:
        asyncio.run(serve(int(sys.argv[1]), Sink(float(sys.argv[2]) / 1000, record)))
