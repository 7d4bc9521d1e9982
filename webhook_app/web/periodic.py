"""A function that a web process calls every few seconds, outside requests."""

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
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which calls the function first when `every` has passed."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after a call that is under way."""
        self._closing.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._function()
