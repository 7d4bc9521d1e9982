"""Circuit breaker and rate limit of one scope: whether its calls may begin now, and how many; pure.

A scope is a shop, or one Tweakwise address that several shops share. The breaker opens immediately when the instance
key or the address is refused or when a 429 asks for a pause, and after several failures in a row. While it is open
nothing is claimed, so that no attempt is used up. After the pause, which is never longer than MAX_PAUSE, one call
probes: its result closes the breaker or opens it again.
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
FAILURES_OF_TWEAKWISE = 10  # in a row over all shops of one address
MIN_PAUSE, MAX_PAUSE = 5_000, 300_000  # milliseconds; doubles each time
CLOCK_MARGIN = 60_000  # milliseconds that a stored time may lie beyond the longest pause: clocks differ
PROBE_TIMEOUT = 15_000  # milliseconds until a probe without a result is repeated
INITIAL_RATE = 10.0  # calls a second after an outage or a first 429
MIN_RATE = 0.1
UNLIMITED_RATE = 2000.0  # a lowered rate that has risen this far is lifted
DOUBLES_EVERY = 20_000  # milliseconds
PAUSED = "http_429"  # the reason of a breaker that a Retry-After opened
BURST = 1.0  # seconds of the rate that may begin at once
MAX_DOUBLINGS = 60  # of a rate, so that 2 ** n stays a number that a float can hold


def healed(throttle: ThrottleState, now: int) -> ThrottleState:
    """Return the state without times that no pause reaches: earlier versions stored them, or a clock was ahead.

    A breaker that such a time holds open is half-open now, so that one call probes.
    """
    latest = now + MAX_PAUSE + CLOCK_MARGIN
    if throttle.open_until is not None and throttle.open_until > latest:
        throttle = replace(throttle, open_until=now - 1000, probing=False)  # past for a reader's earlier `now` too
    if not throttle.next_at <= latest:  # NaN too
        throttle = replace(throttle, next_at=0.0)
    if throttle.rate_at is not None and throttle.rate_at > latest:
        throttle = replace(throttle, rate_at=now)
    return throttle


def blocked_until(throttle: ThrottleState, now: int, max_rate: float | None) -> int:
    """Return when the next call may begin, in milliseconds; `now` or earlier means immediately."""
    if throttle.open_until is not None:
        return throttle.open_until
    rate = current_rate(throttle, now, max_rate)
    return math.ceil(throttle.next_at - _slack(rate)) if rate else 0


def reserve(throttle: ThrottleState, wanted: int, now: int, max_rate: float | None) -> tuple[ThrottleState, int]:
    """Let up to `wanted` calls begin now; returns the state after that, and how many may begin."""
    if throttle.open_until is not None:
        if throttle.open_until > now:
            return throttle, 0
        return replace(throttle, probing=True, open_until=now + PROBE_TIMEOUT), min(wanted, 1)
    rate = current_rate(throttle, now, max_rate)
    if rate is None:
        return throttle, wanted
    interval = 1000 / rate
    begin = max(throttle.next_at, now)
    allowed = max(min(wanted, int((now + _slack(rate) - begin) / interval) + 1), 0)
    return replace(throttle, next_at=begin + allowed * interval), allowed


def without_probe(throttle: ThrottleState, now: int) -> ThrottleState:
    """Return the state after a probe that began no call: the next call probes, now."""
    return replace(throttle, probing=False, open_until=now) if throttle.probing else throttle


def current_rate(throttle: ThrottleState, now: int, max_rate: float | None) -> float | None:
    """Return the rate that applies now: `max_rate`, the configured one, or a lowered one that doubles over time."""
    if throttle.rate is None or throttle.rate_at is None:
        return max_rate
    doublings = min(max(now - throttle.rate_at, 0) / DOUBLES_EVERY, MAX_DOUBLINGS)
    risen: float = max(throttle.rate, MIN_RATE) * 2.0**doublings
    if risen >= (max_rate or UNLIMITED_RATE):
        return max_rate
    return risen


def _slack(rate: float) -> float:
    """Return how many milliseconds earlier than evenly spaced a call may begin."""
    return max(BURST - 1 / rate, 0) * 1000


def after_results(
    throttle: ThrottleState, results: Iterable[Failure | None], now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    """Return the state after these results of calls; `jitter` returns a number in [0, 1)."""
    for failure in results:
        throttle = _after(throttle, failure, now, opens_after, jitter)
    if throttle.rate is not None and current_rate(throttle, now, None) is None:
        throttle = replace(throttle, rate=None, rate_at=None, reason=throttle.reason if throttle.failures else "")
    return replace(throttle, next_at=0.0) if throttle.next_at <= now else throttle


def _after(
    throttle: ThrottleState, failure: Failure | None, now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    if throttle.is_open and throttle.reason == PAUSED and not throttle.probing:
        return _extended(throttle, failure, now)
    kind = retry_policy.classify(failure)
    if failure is None or kind is retry_policy.FailureClass.ANSWERED:
        return _closed(throttle, now)
    if kind is retry_policy.FailureClass.RATE_LIMITED:
        return _limited(throttle, failure, now)
    return _failed(throttle, failure, now, opens_after, jitter)


def _failed(
    throttle: ThrottleState, failure: Failure, now: int, opens_after: int, jitter: Callable[[], float]
) -> ThrottleState:
    if throttle.open_until is not None and not throttle.probing:
        return throttle  # the call began before the breaker opened
    failures = throttle.failures + 1
    opens = (
        throttle.probing
        or retry_policy.classify(failure) is retry_policy.FailureClass.REFUSED
        or failures >= opens_after
    )
    if not opens:
        return replace(throttle, failures=failures, reason=failure.name)
    pause = min(MIN_PAUSE * 2 ** min(throttle.pauses, 20), MAX_PAUSE)
    until = max(now + int(pause * (0.5 + jitter() / 2)), _requested_until(failure, now))
    return replace(
        throttle, failures=failures, reason=failure.name, pauses=throttle.pauses + 1, open_until=until, probing=False
    )


def _closed(throttle: ThrottleState, now: int) -> ThrottleState:
    """Close the breaker after a response, at a low rate: not all that waited may be sent at once."""
    if throttle.open_until is None:
        return replace(throttle, failures=0, reason="") if throttle.failures else throttle
    rate = min(current_rate(throttle, now, None) or INITIAL_RATE, INITIAL_RATE)
    return replace(throttle, failures=0, reason="", pauses=0, open_until=None, probing=False, rate=rate, rate_at=now)


def _limited(throttle: ThrottleState, failure: Failure, now: int) -> ThrottleState:
    """Lower the rate after a 429, and open the breaker for the time that it asks for."""
    rate = current_rate(throttle, now, None)
    lowered = max(rate / 2, MIN_RATE) if rate else INITIAL_RATE
    until = _requested_until(failure, now)
    if until > now:
        return replace(
            throttle,
            failures=0,
            reason=PAUSED,
            pauses=throttle.pauses + 1,
            open_until=until,
            probing=False,
            rate=lowered,
            rate_at=until,
        )
    next_at = max(throttle.next_at, now + _slack(lowered))
    return replace(_closed(throttle, now), reason=failure.name, rate=lowered, rate_at=now, next_at=next_at)


def _extended(throttle: ThrottleState, failure: Failure | None, now: int) -> ThrottleState:
    """Return the state after the result of a call that began before the pause: only another 429 may lengthen it."""
    if failure is None or retry_policy.classify(failure) is not retry_policy.FailureClass.RATE_LIMITED:
        return throttle
    until = max(throttle.open_until or now, _requested_until(failure, now))
    return replace(throttle, open_until=until, rate_at=until)


def _requested_until(failure: Failure, now: int) -> int:
    return now + int(1000 * failure.requested_pause)
