"""Whose deliveries may be claimed now, and what their calls teach about it: lanes as all workers know them."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.throttling import circuit_breaker, fair_share
from webhook_app.tweakwise import retry_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox, Lane
    from webhook_app.tweakwise.retry_policy import Failure

ALL = "all"
MISSED = 50  # milliseconds until the next look after another worker was quicker


@dataclass(frozen=True, slots=True)
class _Way:
    """One of the lanes that a shop's calls go through; `most` is its configured rate in calls a second."""

    lane: str
    most: float | None
    opens_after: int


class Turns:
    """Shares out turns among the shops; belongs to one worker, and remembers nothing that others need."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], url: str, max_rate: float | None) -> None:
        """`url` is the Tweakwise of shops that name no other; `max_rate` is in calls a second over all shops."""
        self._inbox, self._shops, self._url, self._max_rate = inbox, shops, url, max_rate
        self._lanes: Mapping[str, Lane] = {}
        self._last = ""
        self._log = logs.logger()

    def next(self, limit: int, room: Callable[[str], int]) -> tuple[dict[str, int], int | None]:
        """Return how many deliveries of which shops to claim, or none and when (in milliseconds) to look again.

        `limit` is how many at the most, `room` tells for how many of a shop there is a place.
        """
        self._lanes, queues = self._inbox.look()
        now = self._inbox.clock()
        ready = {
            queue.shop: max(queue.due_at, self._blocked_until(queue.shop, now)) for queue in queues if room(queue.shop)
        }
        shares = fair_share.shares(limit, [shop for shop, at in ready.items() if at <= now], self._last)
        if not shares:
            return {}, min(ready.values(), default=None)
        self._last = next(reversed(shares))
        wanted = {shop: self._take(shop, min(share, room(shop)), now) for shop, share in shares.items()}
        return {shop: count for shop, count in wanted.items() if count}, now + MISSED

    def learn(self, results: Iterable[tuple[Shop, Failure | None]]) -> None:
        """Note what came of calls: a breaker opens or closes, a rate falls."""
        of_lane: dict[_Way, list[Failure | None]] = defaultdict(list)
        for shop, failure in results:
            for way in self._ways(shop.name):
                of_lane[way].append(_as_seen(way, failure))
        for way, failures in of_lane.items():
            if way.lane in self._lanes or any(
                retry_policy.kind(one) is not retry_policy.Kind.ANSWERED for one in failures
            ):
                self._note(way, failures)

    def _ways(self, shop_name: str) -> Iterator[_Way]:
        shop = self._shops.get(shop_name)
        yield _Way(f"shop {shop_name}", shop.max_rate if shop else None, circuit_breaker.FAILURES_OF_SHOP)
        address = (shop.tweakwise_url if shop else None) or self._url
        yield _Way(f"tweakwise {address}"[:300], None, circuit_breaker.FAILURES_OF_TWEAKWISE)
        if self._max_rate:
            yield _Way(ALL, self._max_rate, circuit_breaker.FAILURES_OF_TWEAKWISE)

    def _blocked_until(self, shop: str, now: int) -> int:
        known = [(self._lanes.get(way.lane), way.most) for way in self._ways(shop)]
        return max((circuit_breaker.blocked_until(lane, now, most) for lane, most in known if lane), default=0)

    def _take(self, shop: str, wanted: int, now: int) -> int:
        for way in self._ways(shop):
            if wanted and (way.most or way.lane in self._lanes):
                take = partial(circuit_breaker.take, wanted=wanted, now=now, most=way.most)
                wanted = self._inbox.change_lane(way.lane, take)
        return wanted

    def _note(self, way: _Way, failures: list[Failure | None]) -> None:
        now = self._inbox.clock()

        def changed(lane: Lane) -> tuple[Lane, tuple[Lane, Lane]]:
            after = circuit_breaker.after(lane, failures, now, way.opens_after, random.random)
            return after, (lane, after)

        self._tell(*self._inbox.change_lane(way.lane, changed))

    def _tell(self, before: Lane, after: Lane) -> None:
        if after.open_until is not None and not after.probing and after.pauses > before.pauses:
            seconds = round((after.open_until - self._inbox.clock()) / 1000, 1)
            self._log.warning("breaker_opened", lane=after.name, reason=after.reason, seconds=seconds)
        elif before.open_until is not None and after.open_until is None:
            self._log.info("breaker_closed", lane=after.name)
        elif after.rate is not None and after.rate != before.rate:
            self._log.warning("slowed_down", lane=after.name, reason=after.reason, calls_per_second=after.rate)


def _as_seen(way: _Way, failure: Failure | None) -> Failure | None:
    """A refused key or a 429 is between Tweakwise and one shop: for the others it says that Tweakwise is there."""
    ours_alone = retry_policy.kind(failure) in (retry_policy.Kind.REFUSED, retry_policy.Kind.TOO_FAST)
    return None if ours_alone and not way.lane.startswith("shop ") else failure
