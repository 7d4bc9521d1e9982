"""Decides how many deliveries of which shops may be claimed now, and feeds the results of calls to the throttles."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.delivery.abandoned_leases import AbandonedLeases
from webhook_app.throttling import circuit_breaker, fair_share
from webhook_app.throttling.state import ALL, Scope
from webhook_app.time_units import uptime
from webhook_app.tweakwise.retry_policy import FailureClass, classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.throttling.state import ThrottleState
    from webhook_app.tweakwise.retry_policy import Failure

RETRY_CLAIM_AFTER = 0.05  # seconds until the next attempt after another worker claimed first


@dataclass(frozen=True, slots=True)
class _Limit:
    """One of the throttles that a shop's calls fall under; `max_rate` is its configured rate in calls per second."""

    scope: Scope
    max_rate: float | None
    opens_after: int


class Scheduler:
    """Shares claims fairly among the shops; belongs to one worker and holds no state that other workers need."""

    def __init__(self, inbox: Inbox, shops: Mapping[str, Shop], url: str, max_rate: float | None) -> None:
        """`url` is the Tweakwise address of shops that set none; `max_rate` is in calls per second over all shops."""
        self._inbox, self._shops, self._url, self._max_rate = inbox, shops, url, max_rate
        self._limits_by_shop: dict[str, tuple[_Limit, ...]] = {}
        self._throttles: Mapping[Scope, ThrottleState] = {}
        self._last = ""
        self._probes: dict[str, list[Scope]] = {}  # by shop: scopes whose probe is not submitted yet
        self._abandoned = AbandonedLeases()
        self._log = logs.logger()

    @property
    def abandoned_before(self) -> int:
        """When leases of other workers must have expired to be taken over; milliseconds since 1970 UTC."""
        return self._abandoned.before

    def next(self, limit: int, capacity: Callable[[str], int]) -> tuple[dict[str, int], float | None]:
        """Return how many deliveries to claim by shop, or none and when to ask again (in seconds; None: unknown).

        `limit` is the maximum of all shops together, `capacity` returns how many of one shop the worker can take.
        """
        self._give_back_probes()
        poll = self._inbox.poll()
        self._throttles, now = poll.throttles, poll.now
        self._abandoned.answered(now, uptime())
        open_queues = [queue for queue in poll.queues if capacity(queue.shop)]
        ready = {queue.shop: max(queue.due_at, self._blocked_until(queue.shop, now)) for queue in open_queues}
        shares = fair_share.shares(limit, [shop for shop, at in ready.items() if at <= now], self._last)
        if not shares:
            return {}, min(((at - now) / 1000 for at in ready.values()), default=None)
        self._last = next(reversed(shares))
        allowed = {shop: self._reserve(shop, min(share, capacity(shop)), now) for shop, share in shares.items()}
        return {shop: count for shop, count in allowed.items() if count}, RETRY_CLAIM_AFTER

    def submitted(self, shops: Iterable[str]) -> None:
        """Note that calls of these shops begin: the results of their probes will be recorded."""
        for shop in shops:
            self._probes.pop(shop, None)

    def record_results(self, results: Sequence[tuple[Shop, Failure | None]]) -> None:
        """Update the throttles with the results of calls: breakers open or close, rates fall."""
        if not self._throttles and not any(failure for _, failure in results):
            return  # successes change nothing where every throttle is in its initial state
        by_limit: dict[_Limit, list[Failure | None]] = defaultdict(list)
        for shop, failure in results:
            for limit in self._limits(shop.name):
                by_limit[limit].append(_result_for(limit, failure))
        for limit, failures in by_limit.items():
            known = limit.scope in self._throttles
            if known or any(classify(failure) is not FailureClass.ANSWERED for failure in failures):
                self._record(limit, failures)

    def _limits(self, shop_name: str) -> tuple[_Limit, ...]:
        found = self._limits_by_shop.get(shop_name)
        if found is None:
            found = self._limits_by_shop[shop_name] = self._limits_of(shop_name)
        return found

    def _limits_of(self, shop_name: str) -> tuple[_Limit, ...]:
        shop = self._shops.get(shop_name)
        address = (shop.tweakwise_url if shop else None) or self._url
        own = _Limit(Scope.shop(shop_name), shop.max_rate if shop else None, circuit_breaker.FAILURES_OF_SHOP)
        shared = _Limit(Scope.tweakwise(address), None, circuit_breaker.FAILURES_OF_TWEAKWISE)
        if not self._max_rate:
            return own, shared
        return own, shared, _Limit(ALL, self._max_rate, circuit_breaker.FAILURES_OF_TWEAKWISE)

    def _blocked_until(self, shop: str, now: int) -> int:
        known = [(self._throttles.get(limit.scope), limit.max_rate) for limit in self._limits(shop)]
        times = (circuit_breaker.blocked_until(throttle, now, rate) for throttle, rate in known if throttle)
        return max(times, default=0)

    def _reserve(self, shop: str, wanted: int, now: int) -> int:
        for limit in self._limits(shop):
            if wanted and (limit.max_rate or limit.scope in self._throttles):
                reserve = partial(_reserved, wanted=wanted, now=now, max_rate=limit.max_rate)
                wanted, probes = self._inbox.update_throttle(limit.scope, reserve)
                if probes:
                    self._probes.setdefault(shop, []).append(limit.scope)
        return wanted

    def _give_back_probes(self) -> None:
        """Let another call probe where the claimed delivery made none: a backlog of ignored ones would hold a shop."""
        while self._probes:
            shop, scopes = next(iter(self._probes.items()))
            for scope in scopes:
                self._inbox.update_throttle(scope, partial(_without_probe, now=self._inbox.clock()))
            del self._probes[shop]

    def _record(self, limit: _Limit, failures: list[Failure | None]) -> None:
        now = self._inbox.clock()

        def changed(before: ThrottleState) -> tuple[ThrottleState, tuple[ThrottleState, ThrottleState]]:
            after = circuit_breaker.after_results(before, failures, now, limit.opens_after, random.random)
            return after, (before, after)

        self._log_change(*self._inbox.update_throttle(limit.scope, changed))

    def _log_change(self, before: ThrottleState, after: ThrottleState) -> None:
        scope = str(after.scope)
        if after.open_until is not None and not after.probing and after.pauses > before.pauses:
            seconds = round((after.open_until - self._inbox.clock()) / 1000, 1)
            self._log.warning("breaker_opened", scope=scope, reason=after.reason, seconds=seconds)
        elif before.is_open and not after.is_open:
            self._log.info("breaker_closed", scope=scope)
        elif after.rate is not None and after.rate != before.rate:
            self._log.warning("rate_lowered", scope=scope, reason=after.reason, calls_per_second=after.rate)


def _reserved(
    throttle: ThrottleState, wanted: int, now: int, max_rate: float | None
) -> tuple[ThrottleState, tuple[int, bool]]:
    """Reserve calls; returns how many, and whether they are a probe."""
    after, count = circuit_breaker.reserve(throttle, wanted, now, max_rate)
    return after, (count, count > 0 and after.probing)


def _without_probe(throttle: ThrottleState, now: int) -> tuple[ThrottleState, None]:
    return circuit_breaker.without_probe(throttle, now), None


def _result_for(limit: _Limit, failure: Failure | None) -> Failure | None:
    """Return the failure as it counts for this limit.

    A refused key or a 429 affects one shop only: for the shared limits it shows that Tweakwise responds.
    """
    of_shop_only = classify(failure) in (FailureClass.REFUSED, FailureClass.RATE_LIMITED)
    return None if of_shop_only and not limit.scope.is_shop else failure
