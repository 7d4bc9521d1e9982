"""Rate limits of storefront events, since browsers can send as many as they like: by address, visitor and shop.

Not the library `limits`: its in-memory storage starts a thread per access and needs three more packages.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MOST_KEYS = 50_000  # in memory for each limit; the one that was used longest ago is forgotten first
ROUNDING = 1e-6  # seconds
# Seconds in which an address may cause as many events as a visitor in a minute: several share one, at home or at work.
ADDRESS_PERIOD = 10
NEW_OF_ADDRESS = 1 / 24  # of these, by visitors that were not seen before: 5 by default
NEW_OF_SHOP = 0.1  # of SHOP_RATE, by such visitors: 20 a second by default


class RateLimiter:
    """The limits of one web process, by the generic cell rate algorithm (ITU-T I.371).

    A visitor who was seen before has the limits of the address, the visitor and the shop. A new one also has two that
    are far lower, of the address and of the shop: Tweakwise stores a limited number of profiles, and invented ones
    displace real ones. So one address can use up neither the shop's events nor its new visitors.
    """

    def __init__(self, visitor_rate: float, shop_rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`visitor_rate` is events per minute, `shop_rate` per second, also the largest burst; `clock`: in seconds."""
        self._visitor, self._shop = Quota(60, visitor_rate), Quota(1, shop_rate)
        self._address = Quota(ADDRESS_PERIOD, visitor_rate)
        self._new_of_address = Quota(ADDRESS_PERIOD, visitor_rate * NEW_OF_ADDRESS)
        self._new_of_shop = Quota(1, shop_rate * NEW_OF_SHOP)
        self._known: dict[tuple[str, str], None] = {}  # least recently seen first
        self._clock = clock

    def take(self, shop: str, visitor: str = "", address: str = "", *, never_new: bool = False) -> int:
        """Return 0 when the event is allowed, else the seconds until one is; a refused event uses up nothing.

        Only the shop counts without `visitor` and `address`. `never_new` is for customers, whom the shop knows, and for
        events without a profile key: they make no profile.
        """
        now, limits = self._clock(), [(self._shop, (shop, ""))]
        if address:
            limits.append((self._address, (shop, address)))
        if visitor:
            limits.append((self._visitor, (shop, visitor)))
        if (visitor or address) and not never_new and (shop, visitor) not in self._known:
            limits += [(self._new_of_shop, (shop, "")), *([(self._new_of_address, (shop, address))] if address else [])]
        if wait := max(quota.wait(key, now) for quota, key in limits):
            return math.ceil(wait)
        for quota, key in limits:
            quota.count(key, now)
        if visitor:
            self._remember((shop, visitor))
        return 0

    def _remember(self, visitor: tuple[str, str]) -> None:
        self._known.pop(visitor, None)
        self._known[visitor] = None
        if len(self._known) > MOST_KEYS:
            del self._known[next(iter(self._known))]


class Quota:
    """`limit` events per `period` (seconds) by key, at least one; stores when each key's quota will be unused again."""

    def __init__(self, period: float, limit: float) -> None:
        """Every key starts unused."""
        self._step = period / limit
        self._period = max(period, self._step)
        self._unused_at: dict[Hashable, float] = {}  # least recently counted first

    def __len__(self) -> int:
        """Return how many keys are in memory."""
        return len(self._unused_at)

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until one more event is allowed."""
        wait = self._unused_at.get(key, now) + self._step - now - self._period
        return wait if wait > ROUNDING else 0.0

    def count(self, key: Hashable, now: float) -> None:
        """Count one event, and forget up to two keys that are unused again, or too many."""
        self._unused_at[key] = max(self._unused_at.pop(key, now), now) + self._step
        for _ in range(2):
            oldest = next(iter(self._unused_at))
            if self._unused_at[oldest] <= now or len(self._unused_at) > MOST_KEYS:
                del self._unused_at[oldest]
