"""How long a web process waits for the database: platforms wait 5 seconds for an answer, so it has 2.5 in all.

What a webhook waits for on its way counts together: the group before its own, the lock, and the statement. Other
processes have no such deadline; each of their operations has a limit of its own.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from webhook_app import green_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN = 2.5  # seconds from the moment a webhook is to be stored
AT_LEAST = 0.25  # seconds for each operation, even when the deadline has passed: the spool comes after the database

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def for_webhook() -> float | None:
    """Return how many seconds storing a webhook may take in all; None outside a web process."""
    return WITHIN if green_threads.active() else None


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Make operations of the block give up at `deadline`, in monotonic seconds."""
    before = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(before)


def seconds_left(limit: float) -> float:
    """Return how many seconds an operation may take whose own limit is `limit`."""
    return min(limit, max(_deadline.get() - time.monotonic(), AT_LEAST))
