"""Logs what anyone can cause without filling the log: the first of a kind in full, then one count a minute."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from webhook_app import logs
from webhook_app.web.periodic import PeriodicCall

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD = 60.0  # seconds between two counts of a kind
CHECK_EVERY = 2.0  # seconds


class Kind(NamedTuple):
    """What is counted as the same: constants of the program and names of configured shops, never text of a request."""

    event: str
    shop: str | None = None
    code: int | None = None
    reason: str | None = None


class SampledLog:
    """The lines of one web process that requests cause. Its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds. Counts are logged by flush(), which start() calls regularly."""
        self._clock, self._log = clock, logs.logger()
        self._counts: dict[Kind, tuple[float, int]] = {}  # since when, and how many without a line
        self._mutex, self._counting = threading.Lock(), PeriodicCall(self.flush, CHECK_EVERY)

    def start(self) -> None:
        """Start the thread that logs the counts."""
        self._counting.start()

    def close(self) -> None:
        """Stop the thread and log the rest."""
        self._counting.close()
        self.flush(within=0)

    def add(self, level: str, event: str, count_as: Kind, **keys: Any) -> None:
        """Log the first event of a kind; count those that follow within a minute."""
        with self._mutex:
            known = self._counts.get(count_as)
            self._counts[count_as] = (known[0], known[1] + 1) if known else (self._clock(), 0)
        if known is None:
            getattr(self._log, level)(event, **keys)

    def flush(self, within: float = PERIOD) -> None:
        """Log a count of each kind that had its last line `within` seconds ago; forget those without further events."""
        now = self._clock()
        with self._mutex:
            due = {kind: count for kind, (since, count) in self._counts.items() if now - since >= within}
            for kind, count in due.items():
                del self._counts[kind]
                if count:
                    self._counts[kind] = now, 0
        for kind, count in due.items():
            if count:
                self._log.info(kind.event, shop=kind.shop, code=kind.code, reason=kind.reason, count=count)
