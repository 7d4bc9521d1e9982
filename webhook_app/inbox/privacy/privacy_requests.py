"""Privacy requests that are under way: stored until every delivery was searched and nothing is left in any file.

A process claims a request for a few seconds at a time. What it wipes and how far it came are one transaction, which
writes nothing if another process has taken the request over meanwhile: one that is killed loses nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, exists, func, insert, select, update

from webhook_app.inbox import business_keys, records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.operations import refused_requests
from webhook_app.inbox.queue import DUE_IMMEDIATELY
from webhook_app.inbox.retention import redact_rows
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import ORDERS, audit, bodies, deliveries, privacy_requests
from webhook_app.platforms.address import normal_form
from webhook_app.platforms.base import CHECKOUT_REPORTS
from webhook_app.time_units import MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from webhook_app.inbox.operations.audit_log import AuditEvent
    from webhook_app.inbox.store import Inbox

LEASE = 15_000  # milliseconds
DELAYED = MINUTE  # after which content that is still in a file is reported
MOST_LISTED = 20  # numbers of deliveries that are stored
PAGE = 200  # rows that are read at a time
MOST_BYTES = 8 * 1024 * 1024  # of bodies that are read at a time, unless one alone is larger
SPAN = 20_000  # numbers in which one statement searches: a shop may have few deliveries among many of others


class RequestKind(StrEnum):
    """What is done with the deliveries that are found."""

    ERASE = "erase"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request, and how far it has come; `subject` is JSON text, "" once all deliveries were searched.

    `delivery_id` is the webhook that asks for it, None for a person's command. `number` deliveries were found so far,
    the first of which are listed in `first_ids`, as JSON text. Times are milliseconds since 1970 UTC.
    """

    id: int
    delivery_id: int | None
    shop: str
    kind: str
    subject: str
    searched_to: int
    searched_at: int | None
    number: int
    first_ids: str
    claims: int

    def advanced(self, to: int, found: Sequence[int], subject: str) -> PrivacyRequest:
        """Return the request after deliveries up to `to` were searched and `found` were found."""
        first = [*json.loads(self.first_ids), *found][:MOST_LISTED]
        counts = {"number": self.number + len(found), "first_ids": json.dumps(first)}
        return replace(self, searched_to=to, subject=subject, **counts)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class StoredContent:
    """What is still stored of one delivery's content."""

    id: int
    domain: str
    business_key: str | None
    call: str | None
    body: bytes | None
    order_name: str | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries of a shop that have content, in the order of their numbers; all up to `last` are included."""

    contents: Sequence[StoredContent]
    last: int


def add(inbox: Inbox, kind: RequestKind, shop: str, subject: str, delivery_id: int | None = None) -> PrivacyRequest:
    """Store a request, once for each webhook, and return it as it is stored."""
    new = {"shop": shop, "kind": kind, "subject": subject, "delivery_id": delivery_id}
    start = {"searched_to": 0, "number": 0, "first_ids": "[]", "claims": 0, "leased_until": 0}
    with inbox.database.write() as connection:
        if delivery_id is not None:
            statement = insert_into(connection, privacy_requests).values(**new, **start)
            connection.execute(statement.on_conflict_do_nothing(index_elements=[privacy_requests.c.delivery_id]))
            where = privacy_requests.c.delivery_id == delivery_id
        else:
            where = (
                privacy_requests.c.id
                == connection.execute(
                    insert(privacy_requests).values(**new, **start).returning(privacy_requests.c.id)
                ).scalar_one()
            )
        return records.read(connection, PrivacyRequest, _requests().where(where))[0]


def get(inbox: Inbox, number: int) -> PrivacyRequest | None:
    """Return a request, None once it is completed."""
    with inbox.database.read() as connection:
        found = records.read(connection, PrivacyRequest, _requests().where(privacy_requests.c.id == number))
    return found[0] if found else None


def any_left(inbox: Inbox) -> bool:
    """Return whether a request is under way."""
    with inbox.database.read() as connection:
        return connection.scalar(select(privacy_requests.c.id).limit(1)) is not None


def claim(inbox: Inbox, number: int | None = None) -> PrivacyRequest | None:
    """Take the request that no process works on and that waits longest, or request `number`; None if there is none.

    Requests whose webhook is to be settled first are left out.
    """
    row = privacy_requests.c
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        free = (row.leased_until <= now) | (row.leased_until > now + LEASE)  # a clock was ahead
        settles = exists().where(deliveries.c.id == row.delivery_id, deliveries.c.due_at.is_not(None))
        chosen = select(row.id).where(free, row.searched_at.is_(None) | ~settles)
        chosen = chosen if number is None else chosen.where(row.id == number)
        found = connection.scalar(chosen.order_by(row.leased_until, row.id).limit(1).with_for_update(skip_locked=True))
        if found is None:
            return None
        taken = {"claims": row.claims + 1, "leased_until": now + LEASE}
        connection.execute(update(privacy_requests).where(row.id == found).values(**taken))
        return records.read(connection, PrivacyRequest, _requests().where(row.id == found))[0]


def page(inbox: Inbox, shop: str, after: int) -> Page | None:
    """Return the next deliveries of `shop` that have content, None after the last."""
    row, size = deliveries.c, func.coalesce(func.length(bodies.c.body), 0)
    with inbox.database.read() as connection:
        last = connection.scalar(select(func.max(row.id))) or 0
        if after >= last:
            return None
        until = min(after + SPAN, last)
        stored = _of(shop, after, until).with_only_columns(row.id, size).limit(PAGE)
        sizes = connection.execute(stored).all()
        if not sizes:
            return Page([], until)
        end = _fitting([(number, int(length)) for number, length in sizes])
        columns = (row.id, row.domain, row.business_key, row.call, bodies.c.body, row.order_name, row.topic)
        contents = records.read(connection, StoredContent, _of(shop, after, end).with_only_columns(*columns))
    return Page(contents, until if len(sizes) < PAGE and end == sizes[-1][0] else end)


def save(  # noqa: PLR0913, PLR0917 - what is wiped, and why
    inbox: Inbox,
    request: PrivacyRequest,
    wiped: Sequence[int],
    reason: str,
    detail: str,
    keys: Mapping[int, str] | None = None,
) -> bool:
    """Wipe deliveries and store how far the request came; False, and nothing done, if another process has it.

    `keys` are the business keys of those whose order no worker has read. A wiped order is not sent later, whichever
    way it comes again: its key is taken.
    """
    progress = {name: getattr(request, name) for name in ("subject", "searched_to", "number", "first_ids")}
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        if not _write(connection, request, **progress, leased_until=now + LEASE):
            return False
        if wiped:
            redact_rows(connection, wiped, reason, detail, now)
            _take_keys(connection, wiped, keys or {})
        return True


def _take_keys(connection: Connection, wiped: Sequence[int], keys: Mapping[int, str]) -> None:
    row = deliveries.c
    for number, key in keys.items():
        if number in wiped:
            unread = (row.id == number) & row.business_key.is_(None)
            connection.execute(update(deliveries).where(unread).values(business_key=key))
    about = select(row.id, row.shop, row.domain, row.business_key)
    about = about.where(ORDERS, row.id.in_(wiped), row.topic != CHECKOUT_REPORTS)
    found = connection.execute(about).all()
    rows = [business_keys.key_row(one.shop, one.business_key, normal_form(one.domain), one.id) for one in found]
    business_keys.take(connection, rows)


def finish_search(inbox: Inbox, request: PrivacyRequest) -> bool:
    """Forget the subject, and let a worker settle the webhook; returns whether this process has the request."""
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        if not _write(connection, request, subject="", searched_at=now, leased_until=0):
            return False
        if request.kind == RequestKind.ERASE:
            refused_requests.delete_of(connection, request.shop)
        waits = (deliveries.c.id == request.delivery_id) & (deliveries.c.state == State.WAITING)
        connection.execute(update(deliveries).where(waits).values(due_at=DUE_IMMEDIATELY))
    inbox.wakeups.notify()
    return True


def release(inbox: Inbox, request: PrivacyRequest, milliseconds: int = 0) -> None:
    """Let another request be claimed first, and this one after so many milliseconds."""
    with inbox.database.write() as connection:
        _write(connection, request, leased_until=inbox.database.now(connection) + milliseconds)


def deleted_at(inbox: Inbox, request: PrivacyRequest) -> int:
    """Return when the last of what a request erases was deleted: its own webhook goes after all others."""
    with inbox.database.read() as connection:
        settled = connection.scalar(select(deliveries.c.settled_at).where(deliveries.c.id == request.delivery_id))
    return max(request.searched_at or 0, settled or 0)


def delayed(inbox: Inbox) -> dict[str, int]:
    """Return since when deleted content should no longer be in any file, for each shop where it still is.

    Raises StoreUnavailableError.
    """
    row, before = privacy_requests.c, inbox.clock() - DELAYED
    waits = exists().where(deliveries.c.id == row.delivery_id, deliveries.c.due_at.is_not(None))
    settled = select(deliveries.c.settled_at).where(deliveries.c.id == row.delivery_id).scalar_subquery()
    since = case((settled > row.searched_at, settled), else_=row.searched_at)
    erases = (row.kind == RequestKind.ERASE) & (since < before) & ~waits
    query = select(row.shop, func.min(since).label("since")).where(erases)
    with inbox.database.read() as connection:
        return {one.shop: one.since for one in connection.execute(query.group_by(row.shop))}


def complete(inbox: Inbox, request: PrivacyRequest, event: AuditEvent) -> bool:
    """Delete a request that is done, with an audit event; False if another process has it."""
    with inbox.database.write() as connection:
        if not _write(connection, request, leased_until=0):
            return False
        connection.execute(insert(audit).values(at=inbox.clock(), **records.as_row(event)))
        connection.execute(delete(privacy_requests).where(privacy_requests.c.id == request.id))
        return True


def _write(connection: Connection, request: PrivacyRequest, **values: Any) -> bool:
    ours = (privacy_requests.c.id == request.id) & (privacy_requests.c.claims == request.claims)
    return connection.execute(update(privacy_requests).where(ours).values(**values)).rowcount == 1


def _requests() -> Select[Any]:
    return select(*records.columns_of(PrivacyRequest, privacy_requests))


def _of(shop: str, after: int, until: int) -> Select[Any]:
    row = deliveries.c
    with_content: ColumnElement[bool] = (
        row.call.is_not(None) | bodies.c.delivery_id.is_not(None) | (row.order_name > "")
    )
    return (
        select(row.id)
        .outerjoin(bodies, bodies.c.delivery_id == row.id)
        .where(row.shop == shop, row.id > after, row.id <= until, with_content)
        .order_by(row.id)
    )


def _fitting(sizes: Sequence[tuple[int, int]]) -> int:
    """Return the number of the last delivery whose body may be read together with those before."""
    last, total = sizes[0]
    for number, length in sizes[1:]:
        total += length
        if total > MOST_BYTES:
            break
        last = number
    return last
