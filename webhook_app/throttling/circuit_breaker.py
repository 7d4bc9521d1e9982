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

    from webhook_app.inbox import Lane
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


def blocked_until(lane: Lane, now: int, most: float | None) -> int:
    """Return when the next call may begin: `now` or before, if at once. `most` is the configured rate, if any."""
    if lane.open_until is not None:
        return lane.open_until
    rate = pace(lane, now, most)
    return math.ceil(lane.next_at - _slack(rate)) if rate else 0


def take(lane: Lane, wanted: int, now: int, most: float | None) -> tuple[Lane, int]:
    """Let up to `wanted` calls begin now; returns the lane after that, and how many may."""
    if lane.open_until is not None:
        if lane.open_until > now:
            return lane, 0
        return replace(lane, probing=True, open_until=now + PROBE), min(wanted, 1)
    rate = pace(lane, now, most)
    if rate is None:
        return lane, wanted
    interval = 1000 / rate
    begin = max(lane.next_at, now)
    allowed = max(min(wanted, int((now + _slack(rate) - begin) / interval) + 1), 0)
    return replace(lane, next_at=begin + allowed * interval), allowed


def pace(lane: Lane, now: int, most: float | None) -> float | None:
    """Return the rate that holds now: the configured one, or one lowered by trouble that doubles every so often."""
    if lane.rate is None or lane.rate_at is None:
        return most
    raised: float = lane.rate * 2.0 ** min((now - lane.rate_at) / DOUBLES_EVERY, 60)
    if raised >= (most or HIGHEST_RATE):
        return most
    return raised


def _slack(rate: float) -> float:
    """How many milliseconds ahead of an even pace calls may begin."""
    return max(BURST - 1 / rate, 0) * 1000


def after(
    lane: Lane, results: Iterable[Failure | None], now: int, opens_after: int, jitter: Callable[[], float]
) -> Lane:
    """Return the lane after these results of its calls; `jitter` returns a number in [0, 1)."""
    for failure in results:
        lane = _after(lane, failure, now, opens_after, jitter)
    if lane.rate is not None and pace(lane, now, None) is None:
        lane = replace(lane, rate=None, rate_at=None, reason=lane.reason if lane.failures else "")
    return replace(lane, next_at=0.0) if lane.next_at <= now else lane


def _after(lane: Lane, failure: Failure | None, now: int, opens_after: int, jitter: Callable[[], float]) -> Lane:
    kind = retry_policy.kind(failure)
    if kind is retry_policy.Kind.REFUSED or kind is retry_policy.Kind.UNAVAILABLE:
        return _failed(lane, failure, now, opens_after, jitter) if failure else lane
    closed = _closed(lane, now)
    return _slower(closed, failure, now) if kind is retry_policy.Kind.TOO_FAST and failure else closed


def _failed(lane: Lane, failure: Failure, now: int, opens_after: int, jitter: Callable[[], float]) -> Lane:
    if lane.open_until is not None and not lane.probing:
        return lane  # it was under way when the breaker opened
    failures = lane.failures + 1
    opens = lane.probing or retry_policy.kind(failure) is retry_policy.Kind.REFUSED or failures >= opens_after
    if not opens:
        return replace(lane, failures=failures, reason=failure.name)
    pause = min(SHORTEST_PAUSE * 2 ** min(lane.pauses, 20), LONGEST_PAUSE)
    until = now + int(pause * (0.5 + jitter() / 2))
    return replace(
        lane, failures=failures, reason=failure.name, pauses=lane.pauses + 1, open_until=until, probing=False
    )


def _closed(lane: Lane, now: int) -> Lane:
    """The other side answers; what waited must not fall upon it all at once."""
    if lane.open_until is None:
        return replace(lane, failures=0, reason="") if lane.failures else lane
    return replace(lane, failures=0, reason="", pauses=0, open_until=None, probing=False, rate=FIRST_RATE, rate_at=now)


def _slower(lane: Lane, failure: Failure, now: int) -> Lane:
    rate = pace(lane, now, None)
    lowered = max(rate / 2, LOWEST_RATE) if rate else FIRST_RATE
    pause = now + 1000 * (failure.retry_after or 0)
    return replace(
        lane, reason=failure.name, rate=lowered, rate_at=now, next_at=max(lane.next_at, pause + _slack(lowered))
    )
