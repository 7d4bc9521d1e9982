"""What a worker does once a minute besides delivering: presence, wrong times, retention, counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.delivery import outcomes
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import leases, orders, retries
from webhook_app.inbox.counting import count_ahead, count_check
from webhook_app.inbox.operations import refused_requests
from webhook_app.inbox.presence import EVERY, WORKER, Presence
from webhook_app.inbox.retention import sweep
from webhook_app.time_units import FUTURE, HOUR

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from webhook_app.inbox import Inbox
    from webhook_app.inbox.retention import Retention
    from webhook_app.tweakwise import retry_policy

EVERYWHERE_EVERY = 6 * 3600.0  # seconds; other sweeps read only indexes and what is old
CHECK_COUNTS_FOR = 0.1  # seconds
COUNT_AHEAD_FOR = 10.0  # seconds at most; two thirds of them are pauses
READ_NAMES_FOR = 20.0  # seconds at most; two thirds of them are pauses
DISTRUST = 24 * 3600.0  # seconds in which nothing is deleted after the clock was set forward


class Maintenance:
    """The repeated tasks of one worker."""

    def __init__(
        self,
        inbox: Inbox,
        policy: retry_policy.Policy,
        retention: Retention,
        reference_of: orders.ReferenceOf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`reference_of` reads the order of a stored body; `monotonic` returns seconds, and is never set."""
        self._reference_of = reference_of
        self._inbox, self._policy, self._retention, self._monotonic = inbox, policy, retention, monotonic
        self._presence = Presence(inbox, WORKER)
        self._jumps = ClockJumps(inbox.clock, monotonic)
        self._everywhere_at = 0.0
        self._log = logs.logger()

    def run(self, stopping: threading.Event) -> None:
        """Repeat until `stopping`."""
        self._try(self._presence.record)
        while not stopping.wait(EVERY):
            self._try(lambda: self.once(stopping.is_set))

    def close(self) -> None:
        """Record that the worker ends. Raises nothing."""
        self._presence.end()

    def _try(self, task: Callable[[], None]) -> None:
        try:
            task()
        except StoreUnavailableError as error:
            self._inbox.outages.failed(error)

    def once(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Do everything once. Raises StoreUnavailableError."""
        self._presence.record()
        self._inbox.outages.ended()
        leases.correct(self._inbox)
        retries.correct(self._inbox, outcomes.longest_pause(self._policy))
        if self._jumps.is_trusted():
            self._sweep(stopped)
        refused_requests.wipe(self._inbox)
        count_check.check_some(self._inbox, CHECK_COUNTS_FOR)
        count_ahead.run(self._inbox, COUNT_AHEAD_FOR, stopped)
        orders.read_names(self._inbox, self._reference_of, READ_NAMES_FOR)

    def _sweep(self, stopped: Callable[[], bool]) -> None:
        everywhere = self._monotonic() >= self._everywhere_at
        wiped, gone = sweep(self._inbox, self._retention, stopped, everywhere=everywhere)
        if everywhere:
            self._everywhere_at = self._monotonic() + EVERYWHERE_EVERY
        if wiped or gone:
            self._log.info("retention_applied", bodies=wiped, rows=gone)


class ClockJumps:
    """Notices that the clock was set forward, by a clock that only counts.

    A clock that is years ahead makes everything old at once, and what is deleted is gone: bodies, and the identities
    and orders that are known. So nothing is deleted for a day, in which the clock may be corrected. That a machine was
    off or asleep looks the same.
    """

    def __init__(self, clock: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """`clock` returns milliseconds since 1970 UTC, `monotonic` seconds."""
        self._clock, self._monotonic = clock, monotonic
        self._right: float | None = None  # the difference of the two while the clock was trusted
        self._distrusted_until: float | None = None

    def is_trusted(self) -> bool:
        """Return whether the clock may decide what is old; the first time it may."""
        now = self._difference()
        if self._right is None or now - self._right <= FUTURE or self._is_over():
            self._right, self._distrusted_until = now, None
            return True
        if self._distrusted_until is None:
            self._distrusted_until = self._monotonic() + DISTRUST
            hours = round((now - self._right) / HOUR)
            logs.logger().warning("retention_postponed", set_forward_hours=hours, for_hours=round(DISTRUST / 3600))
        return False

    def _is_over(self) -> bool:
        return self._distrusted_until is not None and self._monotonic() >= self._distrusted_until

    def _difference(self) -> float:
        return self._clock() - self._monotonic() * 1000
