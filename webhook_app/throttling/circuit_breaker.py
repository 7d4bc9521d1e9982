"""Whether a lane's calls may go, and how fast: its breaker and its rate; pure.

A lane is a shop, or a Tweakwise that several shops share. Its breaker opens at once when the instance key or the
address is refused, and after several failures in a row; while it is open nothing is claimed, so that no attempt is
burnt. Then one call tries, and decides.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook_app.tweakwise import retry_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.throttling.state import ThrottleState
    from webhook_app.tweakwise.retry_policy import Failure

FAILURES_OF_SHOP = 5  # in a row, to open a shop's breaker
FAILURES_OF_TWEAKWISE = 10  # in a row over all its shops
SHORTEST_PAUSE, LONGEST_PAUSE = 5_000, 300_000  # milliseconds; doubles each time
PROBE = 15_000  # milliseconds in which a probe must have been answered, or another one is made
FIRST_RATE = 10.0  # calls a second after an outage or a first 429
LOWEST_RATE = 0.1
HIGHEST_RATE = 2000.0  # beyond this there is no limit any more
DOUBLES_EVERY = 20_000  # milliseconds
BURST = 1.0  # seconds' worth of calls that may begin at once


def blocked_until(throttle: ThrottleState, now: int, most: float | None) -> int:
    """Return when the next call may begin: `now` or before, if at once. `most` is the configured rate, if any."""
    if throttle.open_until is not None:
        return throttle.open_until
    rate = current_rate(throttle, now, most)
    return math.ceil(throttle.next_at - _slack(rate)) if rate else 0


def reserve(throttle: ThrottleState, wanted: int, now: int, most: float | None) -> tuple[ThrottleState, int]:
    """Let up to `wanted` calls begin now; returns the lane after that, and how many may."""
    if throttle.open_until is not None:
        if throttle.open_until > now:
            return throttle, 0
        return replace(throttle, probing=True, open_until=now + PROBE), min(wanted, 1)
    rate = current_rate(throttle, now, most)
    if rate is None:
        return throttle, wanted
    interval = 1000 / rate
    begin = max(throttle.next_at, now)
    allowed = max(min(wanted, int((now + _slack(rate) - begin) / interval) + 1), 0)
    return replace(throttle, next_at=begin + allowed * interval), allowed


def current_rate(throttle: ThrottleState, now: int, most: float | None) -> float | None:
    """Return the rate that holds now: the configured one, or one lowered by trouble that doubles every so often."""
    if throttle.rate is None or throttle.rate_at is None:
        return most
    raised: float = throttle.rate * 2.0 ** min((now - throttle.rate_at) / DOUBLES_EVERY, 60)
    if raised >= (most or HIGHEST_RATE):
        return most
    return raised


def _slack(rate: float) -> float:
    """How many milliseconds ahead of an even pace calls may begin."""
    return max(BURST - 1 / rate, 0) * 1000


def after_results(
    throttle: ThrottleState, results: Iterable[Failure | None], now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    """Return the lane after these results of its calls; `jitter` returns a number in [0, 1)."""
    for failure in results:
        throttle = _after(throttle, failure, now, opens_after, jitter)
    if throttle.rate is not None and current_rate(throttle, now, None) is None:
        throttle = replace(throttle, rate=None, rate_at=None, reason=throttle.reason if throttle.failures else "")
    return replace(throttle, next_at=0.0) if throttle.next_at <= now else throttle


def _after(
    throttle: ThrottleState, failure: Failure | None, now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    kind = retry_policy.classify(failure)
    if kind is retry_policy.FailureClass.REFUSED or kind is retry_policy.FailureClass.UNAVAILABLE:
        return _failed(throttle, failure, now, opens_after, jitter) if failure else throttle
    closed = _closed(throttle, now)
    return _slower(closed, failure, now) if kind is retry_policy.FailureClass.TOO_FAST and failure else closed


def _failed(
    throttle: ThrottleState, failure: Failure, now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    if throttle.open_until is not None and not throttle.probing:
        return throttle  # it was under way when the breaker opened
    failures = throttle.failures + 1
    opens = (
        throttle.probing
        or retry_policy.classify(failure) is retry_policy.FailureClass.REFUSED
        or failures >= opens_after
    )
    if not opens:
        return replace(throttle, failures=failures, reason=failure.name)
    pause = min(SHORTEST_PAUSE * 2 ** min(throttle.pauses, 20), LONGEST_PAUSE)
    until = now + int(pause * (0.5 + jitter() / 2))
    return replace(
        throttle, failures=failures, reason=failure.name, pauses=throttle.pauses + 1, open_until=until, probing=False
    )


def _closed(throttle: ThrottleState, now: int) -> ThrottleState:
    """The other side answers; what waited must not fall upon it all at once."""
    if throttle.open_until is None:
        return replace(throttle, failures=0, reason="") if throttle.failures else throttle
    return replace(
        throttle, failures=0, reason="", pauses=0, open_until=None, probing=False, rate=FIRST_RATE, rate_at=now
    )


def _slower(throttle: ThrottleState, failure: Failure, now: int) -> ThrottleState:
    rate = current_rate(throttle, now, None)
    lowered = max(rate / 2, LOWEST_RATE) if rate else FIRST_RATE
    pause = now + 1000 * (failure.retry_after or 0)
    return replace(
        throttle, reason=failure.name, rate=lowered, rate_at=now, next_at=max(throttle.next_at, pause + _slack(lowered))
    )
