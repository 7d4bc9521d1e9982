"""Links to the page of a shop that open without a login: until when each is valid, and which were ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from webhook_app.inbox import records
from webhook_app.inbox.tables import shared_pages
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from webhook_app.inbox.store import Inbox

VALIDITIES = {"7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}  # milliseconds
STORED_FOR = 30 * DAY  # after its end


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A link to the page of a shop; times are milliseconds since 1970 UTC. `user_name` is that of a login."""

    id: str
    shop: str
    created_at: int
    until: int
    user_name: str


def create(inbox: Inbox, shop: str, validity: int, user_name: str) -> SharedPage:
    """Store a new link, and delete those that ended long ago. Raises StoreUnavailableError."""
    now = inbox.clock()
    link = SharedPage(secrets.token_hex(8), shop, now, now + validity, user_name)
    with inbox.database.write() as connection:
        connection.execute(delete(shared_pages).where(shared_pages.c.until < now - STORED_FOR))
        connection.execute(insert(shared_pages).values(**records.as_row(link), ended_at=None))
    return link


def open_links(inbox: Inbox, shop: str) -> list[SharedPage]:
    """Return the links to the page of a shop that open it now, newest first. Raises StoreUnavailableError."""
    row = shared_pages.c
    query = select(*records.columns_of(SharedPage, shared_pages)).where(row.shop == shop, row.ended_at.is_(None))
    with inbox.database.read() as connection:
        return records.read(
            connection, SharedPage, query.where(row.until > inbox.clock()).order_by(row.created_at.desc())
        )


def is_open(inbox: Inbox, number: str, shop: str) -> bool:
    """Return whether a link opens the page of that shop now. Raises StoreUnavailableError."""
    return any(link.id == number for link in open_links(inbox, shop))


def end(inbox: Inbox, number: str, shop: str) -> bool:
    """End a link before its time; False if there is none that is open. Raises StoreUnavailableError."""
    row = shared_pages.c
    here = (row.id == number) & (row.shop == shop) & row.ended_at.is_(None)
    with inbox.database.write() as connection:
        return bool(connection.execute(update(shared_pages).where(here).values(ended_at=inbox.clock())).rowcount)
