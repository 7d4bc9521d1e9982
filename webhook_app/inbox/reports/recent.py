"""Recently sent calls and stored bodies, for commands that read many of them; page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from webhook_app.inbox import records
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox.store import Inbox

ROWS, BODIES = 2000, 25  # a page; a body may have MAX_BODY bytes


@dataclass(frozen=True, slots=True)
class SentCall:
    """A call that Tweakwise accepted, as the JSON text that was sent."""

    id: int
    event: str
    call: str


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A delivery whose body is still stored."""

    id: int
    platform: str
    topic: str
    body: bytes


def sent_calls(inbox: Inbox, shop: str, since: int) -> Iterator[SentCall]:
    """Yield the delivered calls of `shop` whose webhooks were received since then, oldest first."""
    row = deliveries.c
    wanted = (row.shop == shop, row.state == State.DELIVERED, row.call.is_not(None), row.received_at >= since)
    query, last = select(row.id, row.event, row.call).where(*wanted).order_by(row.id).limit(ROWS), 0
    while True:
        with inbox.database.read() as connection:
            page = records.read(connection, SentCall, query.where(row.id > last))
        yield from page
        if len(page) < ROWS:
            return
        last = page[-1].id


def stored_bodies(inbox: Inbox, shop: str) -> Iterator[StoredBody]:
    """Yield the deliveries of `shop` whose body is still stored, newest first."""
    row, last = deliveries.c, None
    query = select(row.id, row.platform, row.topic, bodies.c.body).join(bodies, bodies.c.delivery_id == row.id)
    query = query.where(row.shop == shop).order_by(row.id.desc()).limit(BODIES)
    while True:
        with inbox.database.read() as connection:
            before = query if last is None else query.where(row.id < last)
            page = records.read(connection, StoredBody, before)
        yield from page
        if len(page) < BODIES:
            return
        last = page[-1].id
