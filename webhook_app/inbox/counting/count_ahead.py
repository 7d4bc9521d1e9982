"""Counts blocks that were never counted before a page asks for them.

A page counts for a moment only, a few blocks: after weeks without one, or with many shops, thousands of pages would
have to be opened until their figures are complete.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from webhook_app.inbox.counting import statistics
from webhook_app.inbox.tables import counted_blocks, deliveries

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox.store import Inbox

REST = 2.0  # pauses, as a multiple of the time that was spent
LONGEST_REST = 2.0  # seconds


def run(inbox: Inbox, within: float, stopped: Callable[[], bool], *, rest: float = REST) -> int:
    """Count blocks into which nothing new falls, newest first, for up to `within` seconds; returns how many.

    Raises StoreUnavailableError.
    """
    until, done = time.monotonic() + within, 0
    for block in _never_counted(inbox):
        began = time.monotonic()
        if began >= until or stopped():
            break
        statistics.recount(inbox, [block])
        done += 1
        time.sleep(min(rest * (time.monotonic() - began), LONGEST_REST))
    return done


def _never_counted(inbox: Inbox) -> list[int]:
    """Return the blocks without any counts, but for the newest two, which pages count again all the time."""
    block = counted_blocks.c
    counted = select(block.block).where((block.counted_at > 0) | block.detailed_at.is_not(None))
    with inbox.database.read() as connection:
        first, last = (connection.execute(select(edge(deliveries.c.id))).scalar() for edge in (func.min, func.max))
        known = set(connection.execute(counted).scalars())
    blocks = range((first or 0) // statistics.BLOCK, (last or 0) // statistics.BLOCK - 1)
    return [one for one in reversed(blocks) if one not in known]
