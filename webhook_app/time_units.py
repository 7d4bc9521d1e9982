"""Time in milliseconds, the unit of every point in time and duration that is stored: units and the current time."""

from __future__ import annotations

import time

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# What is dated further ahead than this was dated by a clock that was wrong: those of machines differ by less.
FUTURE = HOUR


# Counts on while the machine is suspended, where the system has such a clock: a lease does not wait for it either.
_UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ms() -> int:
    """Return the time of this machine's clock in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def uptime() -> float:
    """Return seconds since some moment, by a clock that is never set: only differences within a process count."""
    return time.clock_gettime(_UPTIME)
