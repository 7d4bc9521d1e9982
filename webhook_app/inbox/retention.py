"""Retention: deletes old bodies and rows in small steps, and personal data on request immediately."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, tuple_, update

from webhook_app.inbox import activity, records, statistics
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import attempts, audit, bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Select

    from webhook_app.inbox.store import Inbox

STEP = 200  # rows a transaction; between two steps webhooks are accepted
PAUSE = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Retention:
    """How long, in seconds, bodies and rows of settled deliveries are stored; dead ones stay until replayed."""

    keep_bodies: float
    keep_rows: float


def sweep(inbox: Inbox, retention: Retention, stopped: Callable[[], bool] = lambda: False) -> tuple[int, int]:
    """Delete what is older than `retention` allows; returns the numbers of bodies and rows deleted."""
    now = inbox.clock()
    wiped = _in_steps(_wipe_bodies(inbox, now - int(retention.keep_bodies * 1000)), stopped)
    old = now - int(retention.keep_rows * 1000)
    deleted = _in_steps(_delete_rows(inbox, old), stopped)
    activity.forget(inbox, old)
    _delete_audit_events(inbox, old)
    if wiped or deleted:
        inbox.database.erase_deleted()
    return wiped, deleted


def _in_steps(steps: Iterator[int], stopped: Callable[[], bool]) -> int:
    done = 0
    for count in steps:
        done += count
        if stopped():
            break
        time.sleep(PAUSE)
    return done


def _wipe_bodies(inbox: Inbox, before: int) -> Iterator[int]:
    query = select(deliveries.c.id).where(deliveries.c.held_since < before).limit(STEP)
    while rows := _read(inbox, query):
        numbers = [row.id for row in rows]
        with inbox.database.write() as connection:
            connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(numbers)))
            connection.execute(update(deliveries).where(deliveries.c.id.in_(numbers)).values(held_since=None))
        yield len(numbers)


def _delete_rows(inbox: Inbox, before: int) -> Iterator[int]:
    for page in _pages_from(inbox, before):
        old = [row for row in page if row.settled_at and row.settled_at < before and row.state != State.DEAD]
        if old:
            _delete(inbox, old)
        yield len(old)


def _delete_audit_events(inbox: Inbox, before: int) -> None:
    """Delete old audit events; reads first, since a transaction that writes nothing costs a flush too."""
    if _read(inbox, select(audit.c.id).where(audit.c.at < before).limit(1)):
        with inbox.database.write() as connection:
            connection.execute(delete(audit).where(audit.c.at < before))


def _delete(inbox: Inbox, old: Sequence[Any]) -> None:
    ids = [row.id for row in old]
    keys = [(row.shop, row.business_key) for row in old if row.business_key]
    owned = tuple_(business_keys.c.shop, business_keys.c.key).in_(keys) & business_keys.c.delivery_id.in_(ids)
    with inbox.database.write() as connection:
        connection.execute(delete(business_keys).where(owned))
        connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(ids)))
        connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(ids)))
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
        statistics.invalidate(connection, ids)


def _pages_from(inbox: Inbox, before: int) -> Iterator[list[Any]]:
    """Yield the rows received before then; numbers grow with time, so the first newer row ends it."""
    last = 0
    while True:
        query = select(deliveries).where(deliveries.c.id > last).order_by(deliveries.c.id).limit(STEP)
        page = [row for row in _read(inbox, query) if row.received_at < before]
        if not page:
            return
        last = page[-1].id
        yield page


@dataclass(frozen=True, slots=True)
class StoredContent:
    """What is still stored of one delivery's content."""

    id: int
    domain: str
    business_key: str | None
    call: str | None
    body: bytes | None


def find(inbox: Inbox, shop: str, matches: Callable[[StoredContent], bool]) -> list[int]:
    """Return the deliveries of `shop` whose stored content matches, oldest first."""
    found: list[int] = []
    last = 0
    while page := _page(inbox, shop, last):
        found += [content.id for content in page if matches(content)]
        last = page[-1].id
    return found


def _page(inbox: Inbox, shop: str, after: int) -> list[StoredContent]:
    row = deliveries.c
    query = (
        select(row.id, row.domain, row.business_key, row.call, bodies.c.body)
        .outerjoin(bodies, bodies.c.delivery_id == row.id)
        .where(row.shop == shop, row.id > after, row.call.is_not(None) | bodies.c.body.is_not(None))
        .order_by(row.id)
        .limit(STEP)
    )
    with inbox.database.read() as connection:
        return records.read(connection, StoredContent, query)


def _read(inbox: Inbox, query: Select[Any]) -> Sequence[Any]:
    with inbox.database.read() as connection:
        return connection.execute(query).all()


def redact(inbox: Inbox, ids: Sequence[int], reason: str, detail: str) -> None:
    """Delete the bodies and calls of `ids`; those that were not settled are ignored for `reason`.

    A worker that is sending one of them can no longer settle it, and so cannot store its call again.
    """
    now = inbox.clock()
    for start in range(0, len(ids), STEP):
        step = ids[start : start + STEP]
        some, unsettled = deliveries.c.id.in_(step), deliveries.c.state.in_(sources(Verb.REDACT))
        wiped = {"call": None, "answer": None, "held_since": None}
        settled = {"state": State.IGNORED, "reason": reason, "detail": detail, "due_at": None, "settled_at": now}
        with inbox.database.write() as connection:
            connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(step)))
            connection.execute(update(deliveries).where(some).values(**wiped))
            connection.execute(update(deliveries).where(some, unsettled).values(**settled))
            statistics.invalidate(connection, step)
