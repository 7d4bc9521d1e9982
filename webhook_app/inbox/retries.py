"""Brings retries forward: makes waiting deliveries due now, in steps so that webhooks are stored meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from webhook_app.config.shop_fields import LONGEST_WAIT
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from webhook_app.inbox.store import Inbox

STEP = 500  # deliveries a transaction


def retry_now(inbox: Inbox, shop: str, beyond: int = 0) -> int:
    """Make the deliveries of `shop` due now that wait for longer than `beyond` milliseconds; returns how many.

    Those that wait by `purchase_after` stay, unless they wait for longer than that may be.
    """
    now, done, row = inbox.clock(), 0, deliveries.c
    is_retry = row.ready_at.is_(None) | (row.due_at > row.ready_at) | (row.due_at > now + LONGEST_WAIT * SECOND)
    later = (row.shop == shop) & (row.state == State.WAITING) & (row.due_at > now + beyond) & is_retry
    some = select(row.id).where(later).limit(STEP)
    while True:
        with inbox.database.read() as connection:  # a transaction that writes nothing costs a flush too
            ids = connection.execute(some).scalars().all()
        if not ids:
            return done
        with inbox.database.write() as connection:
            done += connection.execute(update(deliveries).where(later, row.id.in_(ids)).values(due_at=now)).rowcount


def correct(inbox: Inbox, longest: float) -> int:
    """Make deliveries due now that wait for longer than any retry does (`longest`, in seconds); returns how many.

    Earlier versions waited as long as a Retry-After asked for, and the clock may have been ahead.
    """
    return sum(retry_now(inbox, queue.shop, int(longest * 1000)) for queue in inbox.queues())
