"""The last refused requests of each shop, where KEEP_REFUSED asks for them: headers for a day, bodies for an hour.

Nothing in them is verified: anyone may have sent it. How much of it is stored is bounded by web/refusals.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from webhook_app.inbox import records
from webhook_app.inbox.tables import refused_requests
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import Connection

    from webhook_app.inbox.store import Inbox

BODY_FOR = HOUR
HEADERS_FOR = DAY
SHOWN = 200


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request whose signature was refused; `at` is in milliseconds since 1970 UTC, `size` that of the whole body."""

    shop: str
    at: int
    reason: str
    headers: str  # JSON
    size: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class StoredRefusal:
    """A stored refused request; `body` is None once it was wiped, or if it was too large."""

    id: int
    shop: str
    at: int
    reason: str
    headers: str
    size: int
    body: bytes | None

    @property
    def received(self) -> Mapping[str, str]:
        """The headers by lower-case name."""
        found: dict[str, str] = json.loads(self.headers)
        return found


def store(inbox: Inbox, requests: Sequence[RefusedRequest], most: int) -> None:
    """Store requests, and delete all but the newest `most` of their shops. Raises StoreUnavailableError."""
    row = refused_requests.c
    with inbox.database.write() as connection:
        connection.execute(insert(refused_requests), [records.as_row(one) for one in requests])
        for shop in {one.shop for one in requests}:
            newest = select(row.id).where(row.shop == shop).order_by(row.id.desc()).limit(most)
            connection.execute(delete(refused_requests).where(row.shop == shop, row.id.not_in(newest)))


def newest(inbox: Inbox, shops: Collection[str] | None = None) -> list[StoredRefusal]:
    """Return the newest refused requests of these shops (None: of all), newest first, without their bodies."""
    columns = [column for column in records.columns_of(StoredRefusal, refused_requests) if column.name != "body"]
    query = select(*columns).order_by(refused_requests.c.id.desc()).limit(SHOWN)
    query = query if shops is None else query.where(refused_requests.c.shop.in_(shops))
    with inbox.database.read() as connection:
        return [StoredRefusal(**row, body=None) for row in connection.execute(query).mappings()]


def get(inbox: Inbox, number: int) -> StoredRefusal | None:
    """Return one request; its body no longer than it may be stored, also while no worker wipes it."""
    query = select(*records.columns_of(StoredRefusal, refused_requests)).where(refused_requests.c.id == number)
    with inbox.database.read() as connection:
        found = records.read(connection, StoredRefusal, query)
    if not found:
        return None
    one = found[0]
    is_young = inbox.clock() - one.at <= BODY_FOR
    return one if is_young else StoredRefusal(one.id, one.shop, one.at, one.reason, one.headers, one.size, None)


def wipe(inbox: Inbox) -> None:
    """Wipe old bodies and delete old requests; those that a clock dated in the future too."""
    row, now = refused_requests.c, inbox.clock()
    with_body = row.body.is_not(None) & ((row.at < now - BODY_FOR) | (row.at > now + BODY_FOR))
    old = (row.at < now - HEADERS_FOR) | (row.at > now + HEADERS_FOR)
    with inbox.database.read() as connection:
        if connection.scalar(select(row.id).where(with_body | old).limit(1)) is None:
            return
    with inbox.database.write() as connection:
        connection.execute(delete(refused_requests).where(old))
        connection.execute(update(refused_requests).where(with_body).values(body=None))


def delete_of(connection: Connection, shop: str) -> None:
    """Delete those of a shop, in the transaction of a privacy request: any of them may be about the customer."""
    connection.execute(delete(refused_requests).where(refused_requests.c.shop == shop))
