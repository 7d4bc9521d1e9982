"""Logs that the database does not answer, once a minute instead of at each try."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from webhook_app import logs

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.errors import StoreUnavailableError

PERIOD = 60.0  # seconds
NO_WRITE = re.compile("disk is full|No space left|readonly|read-only")


class OutageLog:
    """The lines of one process about its database. Its methods may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` is in seconds."""
        self._clock, self._log, self._mutex = clock, logs.logger(), threading.Lock()
        self._due: dict[tuple[object, ...], float] = {}  # by reason and keys, when it is logged again

    def failed(self, error: StoreUnavailableError, **keys: Any) -> None:
        """Log a failure, unless the same one, with the same keys, was logged within a minute; 0 is no key."""
        keys = {name: value for name, value in keys.items() if value}
        what = (str(error), *keys.values())
        with self._mutex:
            is_due = self._clock() >= self._due.get(what, float("-inf"))
            if is_due:
                self._due[what] = self._clock() + PERIOD
        if is_due:
            self._log.warning("store_unavailable", error=str(error), hint=error.advice or None, **keys)

    def ended(self, *, wrote: bool = True) -> None:
        """Log that the database answers again, if it did not.

        Unless something was written, a disk that is full, or can only be read, still is.
        """
        if self._due:
            with self._mutex:
                going_on = (
                    {} if wrote else {what: at for what, at in self._due.items() if NO_WRITE.search(str(what[0]))}
                )
                reasons, self._due = [what for what in self._due if what not in going_on], going_on
            if reasons:
                self._log.info("store_available", after=reasons[0][0])
