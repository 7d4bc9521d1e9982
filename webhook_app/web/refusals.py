"""Stores the last requests whose signature was refused, where KEEP_REFUSED asks for it.

Anyone can send them, so they cost little: a process stores a limited number of each shop and of bytes a minute, outside
of requests, and forgets the others.
"""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.operations import refused_requests
from webhook_app.inbox.operations.refused_requests import RefusedRequest
from webhook_app.masking import MASK
from webhook_app.web.periodic import PeriodicCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox

WRITE_EVERY = 2.0  # seconds
PERIOD = 60.0  # seconds in which a limited number of requests is stored
LARGEST_BODY = 128 * 1024  # bytes; of a larger one only the size is stored
MOST_BYTES = 2 * 1024 * 1024  # of all shops in a period
MOST_HEADERS = 40
LONGEST_NAME, LONGEST_VALUE = 80, 512  # characters of a header
# Headers that explain a signature. The values of all others are masked before they are stored: they may be anything,
# among it cookies, passwords and addresses.
TELLING = re.compile(
    r"signature|hmac|sha-?256|digest|webhook|topic|event|shop|wc-|content-|transfer-|user-agent|date|timestamp"
)
SECRET = re.compile(r"secret|token|auth|cookie|password|api-?key")


class Refusals:
    """The refused requests of one web process; its methods may be called from any thread and raise nothing."""

    def __init__(self, inbox: Inbox, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` of each shop are stored, 0 for none; `clock` returns seconds. Nothing is written before flush()."""
        self._inbox, self._most, self._clock = inbox, most, clock
        self._pending: list[RefusedRequest] = []
        self._taken: dict[str, int] = {}  # by shop, since the period began
        self._began, self._bytes = clock(), 0
        self._mutex, self._writing = threading.Lock(), PeriodicCall(self.flush, WRITE_EVERY)

    def start(self) -> None:
        """Start the thread that writes, where there is anything to write."""
        if self._most:
            self._writing.start()

    def close(self) -> None:
        """Stop the thread and write the rest."""
        self._writing.close()
        self.flush()

    def add(self, shop: Shop, reason: str, headers: Mapping[str, str], body: bytes) -> None:
        """Store a request soon, unless there were enough of them in this minute."""
        if not self._most:
            return
        stored = body if len(body) <= LARGEST_BODY else None
        with self._mutex:
            self._begin_period()
            size = LONGEST_VALUE + len(stored or b"")
            if self._taken.get(shop.name, 0) >= self._most or self._bytes + size > MOST_BYTES:
                return
            self._taken[shop.name] = self._taken.get(shop.name, 0) + 1
            self._bytes += size
        shown = json.dumps(dict(_masked(headers)))
        request = RefusedRequest(shop.name, self._inbox.clock(), reason, shown, len(body), stored)
        with self._mutex:
            self._pending.append(request)
            is_first = self._taken.get(shop.name) == 1
        if is_first:
            self._writing.soon()

    def flush(self) -> None:
        """Write what was added; while the database is unavailable it is dropped."""
        with self._mutex:
            pending, self._pending = self._pending, []
        if not pending:
            return
        try:
            refused_requests.store(self._inbox, pending, self._most)
        except StoreUnavailableError as error:
            logs.logger().debug("store_unavailable", error=str(error))
        except Exception:  # noqa: BLE001 - what helps to find a fault must not cause one
            logs.logger().exception("unexpected_error")

    def _begin_period(self) -> None:
        if self._clock() - self._began >= PERIOD:
            self._began, self._bytes, self._taken = self._clock(), 0, {}


def _masked(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the first headers, with the values of those that do not explain a signature masked."""
    for name, value in list(headers.items())[:MOST_HEADERS]:
        lower = name[:LONGEST_NAME].lower()
        shows = TELLING.search(lower) and not SECRET.search(lower) and len(value) <= LONGEST_VALUE
        yield lower, value.replace("\0", "\N{REPLACEMENT CHARACTER}") if shows else MASK
