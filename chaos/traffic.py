"""The shop's side: posts orders over and over until each is acknowledged, as a platform that retries does."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from chaos import orders

if TYPE_CHECKING:
    from chaos.orders import Order

PAUSE = 0.05  # seconds before an order that was not acknowledged is posted again
UNAVAILABLE = 503
COUNTER = itertools.count(1)


class Traffic:
    """`senders` threads that post new orders until stopped; each request has a connection of its own."""

    def __init__(
        self, port: int, senders: int = 4, timeout: float = 10.0, pause: float = 0.0, shop: str = orders.SHOP
    ) -> None:
        """`timeout` is for a sender's request and `pause` is between two orders, in seconds."""
        self._shop = shop
        self.acknowledged: dict[str, float] = {}
        self.given_up: set[str] = set()
        self.refusals: Counter[str] = Counter()
        self._port, self._timeout, self._pause = port, timeout, pause
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send_all, daemon=True) for _ in range(senders)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop; what is not acknowledged by then is given up, and may be in the store all the same."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def add(self, other: Traffic) -> None:
        """Take over the figures of another one."""
        self.acknowledged |= other.acknowledged
        self.given_up |= other.given_up
        self.refusals += other.refusals

    def latencies(self) -> list[float]:
        """Return the seconds from the first try of each acknowledged order to its 2xx, shortest first."""
        return sorted(self.acknowledged.values())

    def _send_all(self) -> None:
        while not self._stopping.is_set():
            order, began = orders.make(next(COUNTER)), time.monotonic()
            while not (sent := self._send(order)) and not self._stopping.wait(PAUSE):
                pass
            if sent:
                self.acknowledged[order.identity] = time.monotonic() - began
            else:
                self.given_up.add(order.identity)
            self._stopping.wait(self._pause)

    def _send(self, order: Order) -> bool:
        try:
            status = post(self._port, order, self._timeout, self._shop)
        except (OSError, http.client.HTTPException) as error:
            self.refusals[type(error).__name__] += 1
            return False
        if status != "200":
            self.refusals[status] += 1
        return status == "200"


def post(port: int, order: Order, timeout: float = 10.0, shop: str = orders.SHOP) -> str:
    """Post one order over a new connection; return its status, and after a 503 also what it lacks.

    Raises OSError or HTTPException.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", f"/webhooks/shopify/{shop}", order.body, order.headers)
        response = connection.getresponse()
        response.read()
        lacks = response.status == UNAVAILABLE and not response.headers.get("Retry-After")
        return f"{response.status} without Retry-After" if lacks else str(response.status)
    finally:
        connection.close()


def quantile(sorted_values: list[float], share: float) -> float:
    """Return the value below which that share of them lies, 0 without any."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)] if sorted_values else 0.0
