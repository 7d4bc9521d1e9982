"""Ctrl-C as a request that a command follows between two steps."""

from __future__ import annotations

import signal
from threading import Event
from typing import Any


def stop_requested() -> Event:
    """Return an event that the first Ctrl-C sets; the second one interrupts at once, as it usually does.

    An interrupt inside a library's clean-up may be swallowed there, and the command would go on for ever.
    """
    stop = Event()

    def request(*_: Any) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, request)
    return stop
