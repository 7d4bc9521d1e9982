"""Stored reports of checkouts: found by identity, and what wakes the orders that wait for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import exists, select, update

from webhook_app.inbox import records
from webhook_app.inbox.queue import DUE_IMMEDIATELY
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import IS_CHECKOUT_REPORT, ORDERS, bodies, deliveries

if TYPE_CHECKING:
    from webhook_app.inbox.store import Inbox


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report of a checkout; `domain` is the sender's address, `body` None once wiped."""

    id: int
    domain: str
    body: bytes | None


def find(inbox: Inbox, shop: str, identity: str) -> StoredReport | None:
    """Return the report of a shop with that identity."""
    row = deliveries.c
    query = select(row.id, row.domain, bodies.c.body).outerjoin(bodies, bodies.c.delivery_id == row.id)
    query = query.where(row.shop == shop, row.identity == identity, IS_CHECKOUT_REPORT)
    with inbox.database.read() as connection:
        return next(iter(records.read(connection, StoredReport, query)), None)


def is_known(inbox: Inbox, shop: str) -> bool:
    """Return whether a report of that shop is stored."""
    with inbox.database.read() as connection:
        any_of_shop = exists().where(deliveries.c.shop == shop, IS_CHECKOUT_REPORT)
        return bool(connection.execute(select(any_of_shop)).scalar())


def wake(inbox: Inbox, shop: str, key: str, reason: str) -> int:
    """Make the deliveries due that wait for `reason` and are about the order with that business key; returns how many.

    Most orders do not wait, and then nothing is written.
    """
    row = deliveries.c
    waiting = (row.shop == shop) & (row.business_key == key) & (row.state == State.WAITING) & (row.reason == reason)
    with inbox.database.read() as connection:
        ids = connection.execute(select(row.id).where(ORDERS, waiting)).scalars().all()
    if not ids:
        return 0
    with inbox.database.write() as connection:
        made_due = update(deliveries).where(row.id.in_(ids), waiting).values(due_at=DUE_IMMEDIATELY)
        return connection.execute(made_due).rowcount
