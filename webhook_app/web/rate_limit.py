"""Rate limits of storefront events, per visitor and per shop: browsers can send as many as they like.

Not the library `limits`: its in-memory storage starts a thread per access and needs three more packages.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

CLEAN_UP_AT = 10_000  # keys; those that are unused again are removed then
ROUNDING = 1e-6  # seconds


class RateLimiter:
    """The limits of one web process, by the generic cell rate algorithm (ITU-T I.371)."""

    def __init__(self, visitor_rate: float, shop_rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`visitor_rate` is events per minute, `shop_rate` per second, also the largest burst; `clock`: in seconds."""
        self._visitor, self._shop = Quota(60, visitor_rate), Quota(1, shop_rate)
        self._clock = clock

    def take(self, shop: str, visitor: str = "") -> int:
        """Return 0 when the event is allowed, else the seconds until one is; only the shop counts without a visitor."""
        now = self._clock()
        wait = (visitor and self._visitor.wait((shop, visitor), now)) or self._shop.wait(shop, now)
        if wait:
            return math.ceil(wait)
        if visitor:
            self._visitor.count((shop, visitor), now)
        self._shop.count(shop, now)
        return 0


class Quota:
    """`limit` events per `period` (seconds) by key; stores when each key's quota will be unused again."""

    def __init__(self, period: float, limit: float) -> None:
        """Every key starts unused."""
        self._period, self._step = period, period / limit
        self._unused_at: dict[Hashable, float] = {}
        self._clean_up_at = CLEAN_UP_AT

    def __len__(self) -> int:
        """Return how many keys are in memory."""
        return len(self._unused_at)

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until one more event is allowed."""
        wait = self._unused_at.get(key, now) + self._step - now - self._period
        return wait if wait > ROUNDING else 0.0

    def count(self, key: Hashable, now: float) -> None:
        """Count one event."""
        if len(self._unused_at) >= self._clean_up_at:
            self._unused_at = {known: unused for known, unused in self._unused_at.items() if unused > now}
            self._clean_up_at = max(CLEAN_UP_AT, 2 * len(self._unused_at))
        self._unused_at[key] = max(self._unused_at.get(key, now), now) + self._step
