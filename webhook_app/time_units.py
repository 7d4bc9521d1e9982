"""Time in milliseconds, the unit of every point in time and duration that is stored: units and the current time."""

from __future__ import annotations

import time

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# What is dated further ahead than this was dated by a clock that was wrong: those of machines differ by less.
FUTURE = HOUR


def now_ms() -> int:
    """Return the time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
