"""A thousand shops whose sizes follow Zipf's law, and their events at a rate that rises, peaks and falls."""

from __future__ import annotations

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from chaos import clients, orders

if TYPE_CHECKING:
    from pathlib import Path

SHOPS = 1000
IN_A_FILE = 100  # shops
ORDERS = 4  # one in so many events is an order, the others are views
SENDERS = 24
PAUSE = 0.2  # seconds before an event that was not acknowledged is sent again
TIMEOUT = 30.0  # seconds for an answer
OK = 200
# The rate as a multiple of the usual one, at shares of the time; in between it changes evenly.
SHAPE = ((0.0, 1.0), (0.15, 1.0), (0.4, 10.0), (0.5, 10.0), (0.51, 20.0), (0.54, 20.0), (0.55, 10.0), (0.7, 10.0))
END = ((0.85, 1.0), (1.0, 1.0))
NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sent:
    """An acknowledged event: its shop's rank by size, from 1, and when it was acknowledged on the monotonic clock."""

    rank: int
    at: float


def name_of(rank: int) -> str:
    """Return the name of a shop."""
    return f"shop-{rank:04}"


def key_of(rank: int) -> str:
    """Return the instance key of a shop."""
    return f"shop{rank:04}"


def write(folder: Path) -> Path:
    """Write the documents of the shops into a new folder."""
    folder.mkdir()
    for first in range(1, SHOPS + 1, IN_A_FILE):
        text = "\n".join(_table(rank) for rank in range(first, first + IN_A_FILE))
        (folder / f"shops-{first:04}.toml").write_text(text)
    return folder


def rate_at(share: float) -> float:
    """Return the multiple of the usual rate at a share of the time."""
    for (begin, low), (end, high) in itertools.pairwise((*SHAPE, *END)):
        if begin <= share < end:
            return low + (high - low) * (share - begin) / (end - begin)
    return END[-1][1]


def _table(rank: int) -> str:
    secrets, key = f'secrets = ["{_secret(rank)}"]', f'instance_key = "{key_of(rank)}"'
    return f'[shops.{name_of(rank)}]\nplatform = "shopify"\n{secrets}\n{key}\n'


def _secret(rank: int) -> str:
    return f"{orders.SECRET}-{rank}"


class Crowd:
    """Sends events for `seconds`, whether or not earlier ones were answered, each until it is acknowledged."""

    def __init__(self, port: int, rate: float, seconds: float) -> None:
        """`rate` is the usual number of events a second."""
        self.acknowledged: dict[str, Sent] = {}
        self.refusals: Counter[str] = Counter()
        self.slowest = 0.0  # seconds until an answer
        self.took = 0.0  # seconds in all
        self.behind = 0.0  # seconds that an event was sent later than it should have been
        self._port, self._rate, self._seconds = port, rate, seconds
        self._random, self._lock = random.Random(7), threading.Lock()  # noqa: S311 - the same crowd each time
        self._sizes = list(itertools.accumulate(1 / rank for rank in range(1, SHOPS + 1)))
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(SENDERS)]

    def __enter__(self) -> Self:
        self._began = self._next = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()
        self.took = time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        """Whether every event is acknowledged."""
        return not any(thread.is_alive() for thread in self._threads)

    def _send_all(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        while due := self._take():
            number, rank, at = due
            time.sleep(max(at - time.monotonic(), 0))
            self.behind = max(self.behind, time.monotonic() - at)
            self._send(connection, number, rank)
        connection.close()

    def _take(self) -> tuple[int, int, float] | None:
        """Return the number, the shop's rank and the time of the next event, None after the last one."""
        with self._lock:
            share = (self._next - self._began) / self._seconds
            if share >= 1:
                return None
            [rank] = self._random.choices(range(1, SHOPS + 1), cum_weights=self._sizes)
            self._next += 1 / (self._rate * rate_at(share))
            return next(NUMBERS), rank, self._next

    def _send(self, connection: http.client.HTTPConnection, number: int, rank: int) -> None:
        order = orders.make(number, secret=_secret(rank)) if number % ORDERS == 0 else None
        visitor = f"visitor-{number}"
        while not (ended := self._request(connection, rank, order, visitor)):
            time.sleep(PAUSE)
        self.acknowledged[order.identity if order else visitor] = Sent(rank, ended)

    def _request(
        self, connection: http.client.HTTPConnection, rank: int, order: orders.Order | None, visitor: str
    ) -> float:
        """Send an order or a view; return when it was acknowledged, 0 if it was not."""
        began = time.monotonic()
        try:
            if order:
                connection.request("POST", f"/webhooks/shopify/{name_of(rank)}", order.body, order.headers)
            else:
                query = clients.signed_query(visitor, _secret(rank))
                path = f"/storefront/shopify/{name_of(rank)}/pageview?{query}"
                connection.request("GET", path, headers={"User-Agent": clients.USER_AGENT})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.refusals[type(error).__name__] += 1
            return 0.0
        ended = time.monotonic()
        self.slowest = max(self.slowest, ended - began)
        if response.status == OK:
            return ended
        self.refusals[str(response.status)] += 1
        return 0.0
