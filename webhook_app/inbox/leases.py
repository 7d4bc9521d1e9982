"""Shortens leases that a clock made too long which was ahead, and is right again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from webhook_app.config.settings import MAX_LEASE
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox


def correct(inbox: Inbox) -> int:
    """Let leases that end later than any can end after LEASE; returns how many. Raises StoreUnavailableError.

    Their owners may live, and may have another LEASE: so what counts is the longest that is allowed, and no lease ends
    at once.
    """
    shops = [queue.shop for queue in inbox.queues()]  # so that the index is used, which begins with the shop
    found = select(deliveries.c.id).where(deliveries.c.shop.in_(shops), _is_too_long(inbox.clock()))
    with inbox.database.read() as connection:  # a transaction that writes nothing costs a flush too
        ids = connection.scalars(found).all()
    if not ids:
        return 0
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        until = now + int(min(inbox.lease, MAX_LEASE) * SECOND)
        change = update(deliveries).where(deliveries.c.id.in_(ids), _is_too_long(now)).values(due_at=until)
        return connection.execute(change).rowcount


def _is_too_long(now: int) -> ColumnElement[bool]:
    return (deliveries.c.state == State.DELIVERING) & (deliveries.c.due_at > now + int(MAX_LEASE * SECOND))
