"""Green threads: how the web process serves thousands of connections from one thread."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import gevent
from gevent import monkey

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_GATHERING = 0.005  # seconds; under a load that never pauses nobody waits longer for company


def gather() -> None:
    """Let every request that has arrived come as far as it can, so that all of them are stored in one commit.

    Does nothing where threads are the system's own: those come together by themselves.
    """
    if monkey.is_module_patched("threading"):
        with suppress(gevent.Timeout), gevent.Timeout(LONGEST_GATHERING):
            gevent.idle()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End the block with TimeoutError when it takes longer; where threads are the system's own, wait all the same."""
    with gevent.Timeout(seconds if monkey.is_module_patched("threading") else None, exception=TimeoutError):
        yield
