"""Green threads (gevent), with which a web process serves thousands of connections in one system thread.

In a process without gevent, such as a worker, every function here does nothing or uses the system's threads.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
MAX_WAIT = 0.005  # seconds that a commit waits for others to join it under constant load
SHORTEST_SLEEP = 0.001  # seconds; gevent waits with epoll, in whole milliseconds
VERIFIED = "webhook_app.verified"  # set in the WSGI environment of a request that was verified, for the web server


def patch() -> None:
    """Let everything that is loaded from now on run in green threads.

    Called first of all in the program from which web processes are forked, so that they share what it has loaded. It
    starts processes and waits for signals itself, as without green threads.
    """
    if not active():
        from gevent import events, monkey  # noqa: PLC0415 - loaded only where threads are green

        # Plugins of other packages, of which none is used: gevent would search all that are installed, 19 times.
        gevent_events: Any = events
        gevent_events.notify_and_call_entry_points = gevent_events.notify
        monkey.patch_all(os=False, subprocess=False, signal=False, queue=False)


def active() -> bool:
    """Return whether this process runs green threads; does not load gevent to find out."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and monkey.is_module_patched("threading"))


def wait_until_idle() -> None:
    """Let every request that has arrived proceed as far as it can, so that one commit stores them all."""
    if active():
        import gevent  # noqa: PLC0415 - already loaded where threads are green

        with suppress(gevent.Timeout), gevent.Timeout(MAX_WAIT):
            gevent.idle()


class Debounced:
    """Runs a function once for several calls within a few milliseconds: at the first call, then once for the rest.

    Every call is followed by a run. System threads do not wait for each other: there, each call runs the function.
    """

    def __init__(self, run: Callable[[], None], apart: float) -> None:
        """`apart` is the number of seconds between two runs."""
        self._run, self._apart = run, apart
        self._not_before = 0.0
        self._planned = False

    def __call__(self) -> None:
        """Run the function now, or plan a run."""
        if self._planned:
            return
        wait = self._not_before - time.monotonic()
        if wait > 0 and active():
            import gevent  # noqa: PLC0415 - already loaded where threads are green

            self._planned = True
            gevent.spawn_later(wait, self._now)
        else:
            self._now()

    def _now(self) -> None:
        self._planned = False
        self._not_before = time.monotonic() + self._apart
        self._run()


def yield_control() -> None:
    """Let other green threads run during a long computation."""
    time.sleep(0)


def pause(seconds: float) -> None:
    """Let other green threads run, and sleep; for less than a millisecond the whole process sleeps.

    A sleep of 0.2 ms would take gevent 1.1 ms: where a disk flushes in 2 ms, the receiver would accept 5 to 7 % less.
    """
    if not active() or seconds >= SHORTEST_SLEEP:
        time.sleep(seconds)
        return
    from gevent import monkey  # noqa: PLC0415 - already loaded where threads are green

    time.sleep(0)
    monkey.get_original("time", "sleep")(seconds)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block when it takes longer; without green threads there is no limit."""
    if not active():
        yield
        return
    import gevent  # noqa: PLC0415 - already loaded where threads are green

    # A TimeoutError raised inside a read would be taken for a broken connection: it is an OSError too.
    timeout = gevent.Timeout(seconds)
    try:
        with timeout:
            yield
    except gevent.Timeout as ended:
        if ended is timeout:
            raise TimeoutError from None
        raise


def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns that computes for long in C; other green threads run meanwhile."""
    if not active():
        return function(*arguments)
    import gevent  # noqa: PLC0415 - already loaded where threads are green

    return gevent.get_hub().threadpool.apply(function, arguments)
