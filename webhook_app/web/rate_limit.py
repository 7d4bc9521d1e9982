"""How many events strangers may cause: so many of one visitor, so many of one shop.

Libraries were looked at: limits starts a thread for each look at its memory, and wants three others.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

TIDY_AT = 10_000  # keys; those whose share is unused again are forgotten then
ROUNDING = 1e-6  # seconds


class RateLimiter:
    """What one web process lets through, by the generic cell rate algorithm (ITU-T I.371)."""

    def __init__(self, visitor_rate: float, shop_rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`visitor_rate` is events a minute, `shop_rate` a second; each may come all at once. `clock` is in seconds."""
        self._visitor, self._shop = _Rate(60, visitor_rate), _Rate(1, shop_rate)
        self._clock = clock

    def take(self, shop: str, visitor: str = "") -> int:
        """Return 0 when the event may come in, else after how many seconds to come again; no visitor has no limit."""
        now = self._clock()
        wait = (visitor and self._visitor.wait((shop, visitor), now)) or self._shop.wait(shop, now)
        if wait:
            return math.ceil(wait)
        if visitor:
            self._visitor.count((shop, visitor), now)
        self._shop.count(shop, now)
        return 0


class _Rate:
    """So many in any period, by key: remembered is when the key's share will be unused again."""

    def __init__(self, period: float, most: float) -> None:
        self._period, self._step = period, period / most
        self._unused_at: dict[Hashable, float] = {}
        self._tidy_at = TIDY_AT

    def wait(self, key: Hashable, now: float) -> float:
        """Return how many seconds are to pass before one more may come."""
        wait = self._unused_at.get(key, now) + self._step - now - self._period
        return wait if wait > ROUNDING else 0.0

    def count(self, key: Hashable, now: float) -> None:
        if len(self._unused_at) >= self._tidy_at:
            self._unused_at = {one: unused for one, unused in self._unused_at.items() if unused > now}
            self._tidy_at = max(TIDY_AT, 2 * len(self._unused_at))
        self._unused_at[key] = max(self._unused_at.get(key, now), now) + self._step
