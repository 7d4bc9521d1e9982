"""Green threads: how the web process serves thousands of connections from one system thread.

Every function does nothing special where threads are the system's own, as in a worker.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_WAIT = 0.005  # seconds; under a load that never pauses nobody waits longer for company
PAUSE = 0.0002  # seconds


def active() -> bool:
    """Tell whether this process's threads are green; a process that never loaded gevent is not asked to."""
    monkey = sys.modules.get("gevent.monkey")
    return bool(monkey and monkey.is_module_patched("threading"))


def wait_until_idle() -> None:
    """Let every request that has arrived come as far as it can, so that all of them are stored in one commit."""
    if active():
        import gevent  # noqa: PLC0415 - loaded already, where threads are green

        with suppress(gevent.Timeout), gevent.Timeout(LONGEST_WAIT):
            gevent.idle()


class Debounced:
    """Runs something once for all who ask for it within a few milliseconds: for the first at once, then for the rest.

    Each is sure that it runs after it asked. System threads do not wait for each other: it runs for each of them.
    """

    def __init__(self, run: Callable[[], None], apart: float) -> None:
        """Run `run`, with `apart` seconds between two runs."""
        self._run, self._apart = run, apart
        self._not_before = 0.0
        self._planned = False

    def __call__(self) -> None:
        """Run it, or see to it that it will be run."""
        if self._planned:
            return
        wait = self._not_before - time.monotonic()
        if wait > 0 and active():
            import gevent  # noqa: PLC0415 - loaded already, where threads are green

            self._planned = True
            gevent.spawn_later(wait, self._now)
        else:
            self._now()

    def _now(self) -> None:
        self._planned = False
        self._not_before = time.monotonic() + self._apart
        self._run()


def yield_control() -> None:
    """Let others run, in the middle of something long that would not wait for anything."""
    time.sleep(0)


def pause() -> None:
    """Let others run for a moment, while this one waits for something that only polling can tell."""
    time.sleep(PAUSE)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the block with TimeoutError when it takes longer."""
    if not active():
        yield
        return
    import gevent  # noqa: PLC0415 - loaded already, where threads are green

    # A TimeoutError in the middle of reading would be taken for a broken connection, which is an OSError too.
    timeout = gevent.Timeout(seconds)
    try:
        with timeout:
            yield
    except gevent.Timeout as ended:
        if ended is timeout:
            raise TimeoutError from None
        raise
