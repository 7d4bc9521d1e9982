"""A Tweakwise that misbehaves on demand: hangs, resets, drips, talks nonsense; or counts what it answers with 204."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from chaos.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

HANG = 3600.0  # seconds; longer than any caller's time-out and than any scenario
DRIP = 0.3  # seconds between two bytes
POLL = 0.01  # seconds between two checks whether answers are still held
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
# With a linger of zero seconds, closing a socket sends a reset: https://man7.org/linux/man-pages/man7/socket.7.html
RESET = struct.pack("ii", 1, 0)

ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"
ANSWERS = {
    "garbage": b"\x00\xff\x80 nonsense \r\n\r\n" * 50,
    "300 bytes of nothing": b"\r\n" * 150,
    "an endless header": b"HTTP/1.1 204 No Content\r\nX: " + b"a" * 200_000,
    "a length that lies": b"HTTP/1.1 500 Oops\r\nContent-Length: 90000\r\n\r\nshort",
    "429": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "429 with nonsense": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops",
    "301": b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "301 to itself": b"HTTP/1.1 301 Moved\r\nLocation: /api/purchase\r\nContent-Length: 0\r\n\r\n",
    "301 to nonsense": b"HTTP/1.1 301 Moved\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n",
}
# Answers that must not stop a shop for longer than minutes, whatever they ask for.
HOSTILE = {
    "429 for 3000 years": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n",
    "429 of 308 digits": b"HTTP/1.1 429 Slow\r\nRetry-After: " + b"9" * 308 + b"\r\nContent-Length: 0\r\n\r\n",
    "503 until the year 9999": (
        b"HTTP/1.1 503 Busy\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"
    ),
    "429 until the year 9999": (
        b"HTTP/1.1 429 Slow\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"
    ),
    "429 by a clock of 1970": (
        b"HTTP/1.1 429 Slow\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        b"Retry-After: Sun, 01 Feb 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    ),
    "429 twice": (b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nRetry-After: 86400, 604800\r\nContent-Length: 0\r\n\r\n"),
    "429 with an exponent": b"HTTP/1.1 429 Slow\r\nRetry-After: 1e999999999\r\nContent-Length: 0\r\n\r\n",
    "429 before now": b"HTTP/1.1 429 Slow\r\nRetry-After: -99999999999\r\nContent-Length: 0\r\n\r\n",
    "429 in no calendar": (
        b"HTTP/1.1 429 Slow\r\nRetry-After: Sun, 99999999999 Oct 2015 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n"
    ),
    "401 for 3000 years": b"HTTP/1.1 401 No\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n",
    "a flood of 103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 200_000,
    "500 of 20 MB": b"HTTP/1.1 500 Oops\r\nContent-Length: 20000000\r\n\r\n" + b"z" * 20_000_000,
}
REFUSED = {"401": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"}  # until the key is corrected
SLOW = ("hang", "reset", "dripping head", "dripping body")
COUNTED = ("dripping head", "an endless header")  # these say 204 first, and Tweakwise means it
FAILURES = (*SLOW, *ANSWERS)


class Tweakwise:
    """What the server does at the moment, and which purchases it has counted, by profile key."""

    def __init__(self) -> None:
        """`delay` is in seconds, before every answer; `first` says when an order was counted first.

        `under_way` is the number of calls that have not been answered, and while `held` none is. Only calls with the
        instance key `failing` fail, all where it is "". `delays` replaces `delay` for an instance key.
        """
        self.failure, self.failing = "", ""
        self.delay = 0.0
        self.delays: dict[str, float] = {}
        self.held = False
        self.under_way = 0
        self.counted: Counter[str] = Counter()
        self.first: dict[str, float] = {}
        self.failed: Counter[str] = Counter()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def counted_between(self, begin: float, end: float) -> set[str]:
        """Return the orders that were counted first in that time of the monotonic clock."""
        return {name for name, at in list(self.first.items()) if begin <= at <= end}

    @contextlib.contextmanager
    def holding_a_call(self, within: float = 60.0) -> Iterator[None]:
        """Answer nothing for the block, which begins with a call under way, or after `within` seconds."""
        self.held = True
        try:
            wait_for(lambda: self.under_way > 0, within)
            yield
        finally:
            self.held = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while await self._answer(reader, writer):
                pass
        with contextlib.suppress(OSError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        await self._take_time(head)
        if self.failure and self.failing.encode() in head:
            self.failed[self.failure] += 1
            if self.failure in COUNTED:
                self._count(body)
            await self._misbehave(self.failure, writer)
            return False
        self._count(body)
        writer.write(ACCEPTED)
        await writer.drain()
        return True

    async def _take_time(self, head: bytes) -> None:
        self.under_way += 1
        try:
            await asyncio.sleep(next((delay for key, delay in self.delays.items() if key.encode() in head), self.delay))
            while self.held:  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(POLL)
        finally:
            self.under_way -= 1

    def _count(self, body: bytes) -> None:
        name = json.loads(body)["ProfileKey"]
        self.counted[name] += 1
        self.first.setdefault(name, time.monotonic())

    async def _misbehave(self, failure: str, writer: asyncio.StreamWriter) -> None:
        if failure == "hang":
            await self._until_changed(failure, HANG)
        elif failure == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif failure == "dripping head":
            writer.write(b"HTTP/1.1 204 No Content\r\nX: ")
            await self._drip(failure, writer, b"a" * 10_000)
        elif failure == "dripping body":
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 10000\r\n\r\n")
            await self._drip(failure, writer, b"a" * 10_000)
        else:
            writer.write((ANSWERS | HOSTILE | REFUSED)[failure])
            await writer.drain()

    async def _drip(self, failure: str, writer: asyncio.StreamWriter, answer: bytes) -> None:
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            if not await self._until_changed(failure, DRIP):
                return

    async def _until_changed(self, failure: str, seconds: float) -> bool:
        """Wait for so long; False as soon as the failure changed."""
        steps = max(int(seconds / 0.1), 1)
        for _ in range(steps):
            if self.failure != failure:
                return False
            await asyncio.sleep(0.1)
        return True


@contextlib.contextmanager
def serving() -> Iterator[Tweakwise]:
    """Serve a Tweakwise of this process, in a thread, at a free port of this machine."""
    tweakwise, loop = Tweakwise(), asyncio.new_event_loop()
    server = loop.run_until_complete(_listen(tweakwise.talk))
    tweakwise.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield tweakwise
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _listen(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> asyncio.Server:
    return await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
