"""A function that a web process calls every few seconds, or when something new was seen, outside requests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PeriodicCall:
    """Calls a function again and again in a thread."""

    def __init__(self, function: Callable[[], object], every: float) -> None:
        """`every` is in seconds; the function must raise nothing, and is not called before start()."""
        self._function, self._every = function, every
        self._due, self._is_closing = threading.Event(), False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which calls the function first when `every` has passed."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def soon(self) -> None:
        """Call it now, in the thread: without one, nothing is called."""
        self._due.set()

    def close(self) -> None:
        """Stop, after a call that is under way."""
        self._is_closing = True
        self._due.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait(self._every)
            self._due.clear()
            if self._is_closing:
                return
            self._function()
