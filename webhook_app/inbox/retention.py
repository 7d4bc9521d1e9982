"""Retention: deletes old bodies and rows in small steps, and personal data on request immediately.

What is deleted is chosen under the lock of its row, in the transaction that deletes it: since it was found, it may have
been replayed. How age is determined while clocks may be wrong: age.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, tuple_, update

from webhook_app.inbox.age import AgeLimit, old_rows
from webhook_app.inbox.business_keys import address_key
from webhook_app.inbox.counting import activity, statistics
from webhook_app.inbox.operations import bulk_jobs
from webhook_app.inbox.privacy import dead_bodies
from webhook_app.inbox.shop_records import platform_orders, reconciliations
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import attempts, audit, bodies, business_keys, deliveries
from webhook_app.platforms.address import normal_form
from webhook_app.time_units import FUTURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from webhook_app.inbox.store import Inbox

NO_LIMIT = 1e12  # seconds
STEP = 200  # rows a transaction; between two steps webhooks are accepted
SCAN = 65_536  # numbers that are searched for dates in the future at a time
PAUSE = 0.01  # seconds
MOST_DATED = 20_000  # rows whose dates are in the future that are changed at a time; all are, if this clock is behind


@dataclass(frozen=True, slots=True)
class Retention:
    """How long, in seconds, bodies and rows of settled deliveries are stored, and the bodies of dead ones."""

    keep_bodies: float
    keep_rows: float
    keep_dead: float = NO_LIMIT


def sweep(
    inbox: Inbox, retention: Retention, stopped: Callable[[], bool] = lambda: False, *, everywhere: bool = True
) -> tuple[int, int]:
    """Delete what is older than `retention` allows; returns the numbers of bodies and rows deleted.

    `everywhere`: rows that are dated in the future are also searched where no index finds them, among all.
    """
    now = inbox.clock()
    bodies_limit = AgeLimit(now, now - int(retention.keep_bodies * 1000))
    rows_limit = AgeLimit(now, now - int(retention.keep_rows * 1000))
    wiped = _in_steps(_wipe_bodies(inbox, bodies_limit), stopped)
    wiped += _in_steps(dead_bodies.wipe(inbox, now - int(retention.keep_dead * 1000)), stopped)
    if everywhere:
        _in_steps(_date_rows(inbox, rows_limit), stopped)
    deleted = _in_steps(_delete_rows(inbox, rows_limit), stopped)
    _in_steps(platform_orders.prune(inbox, rows_limit.before), stopped)
    if everywhere:
        reconciliations.prune(inbox, rows_limit.before)
    activity.forget(inbox, rows_limit.before)
    bulk_jobs.forget(inbox, rows_limit.before)
    _delete_audit_events(inbox, rows_limit)
    inbox.database.remove_unused_logs(retention.keep_bodies)
    if wiped or deleted:
        inbox.database.erase_deleted()
    return wiped, deleted


def overdue(inbox: Inbox, retention: Retention) -> int:
    """Return for how many milliseconds a body is stored beyond `keep_bodies`; 0 for none.

    Raises StoreUnavailableError.
    """
    now, held = inbox.clock(), deliveries.c.held_since
    limit = AgeLimit(now, now - int(retention.keep_bodies * 1000))
    oldest = select(held).where(held < limit.before, limit.is_old()).order_by(held).limit(1)
    return next((limit.before - row.held_since for row in _read(inbox, oldest)), 0)


def _in_steps(steps: Iterator[int], stopped: Callable[[], bool]) -> int:
    done = 0
    for count in steps:
        done += count
        if stopped():
            break
        time.sleep(PAUSE)
    return done


def _wipe_bodies(inbox: Inbox, limit: AgeLimit) -> Iterator[int]:
    """Wipe the bodies that are old, by the index of those that are held."""
    held = deliveries.c.held_since
    yield from _date(inbox, limit, _undated(limit, held))
    # Two statements, of which each reads a part of the index.
    for part in (held < limit.before, limit.is_future(held)):
        old = part & limit.is_old()
        while _read(inbox, select(deliveries.c.id).where(old).limit(1)) and (count := _wipe(inbox, old)):
            yield count


def _wipe(inbox: Inbox, old: ColumnElement[bool]) -> int:
    some = select(deliveries.c.id).where(old).limit(STEP).with_for_update(skip_locked=True)
    with inbox.database.write() as connection:
        numbers = connection.execute(some).scalars().all()
        connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(numbers)))
        connection.execute(update(deliveries).where(deliveries.c.id.in_(numbers)).values(held_since=None))
        return len(numbers)


def _undated(limit: AgeLimit, at: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that a row is dated in the future, and nothing else shows since when retention counts."""
    since = deliveries.c.retention_from
    return limit.is_future(at) & (since.is_(None) | limit.is_future(since))


def _date(inbox: Inbox, limit: AgeLimit, undated: ColumnElement[bool]) -> Iterator[int]:
    """Let retention count from now for rows that are dated in the future, a limited number of them at a time.

    Their own dates stay: if it is this clock that is wrong, they are right again once it is corrected.
    """
    some = select(deliveries.c.id).where(undated).limit(STEP)
    for _ in range(MOST_DATED // STEP):
        numbers = [row.id for row in _read(inbox, some)]
        if not numbers:
            return
        dating = update(deliveries).where(undated, deliveries.c.id.in_(numbers)).values(retention_from=limit.now)
        with inbox.database.write() as connection:
            connection.execute(dating)
        yield 0


def _date_rows(inbox: Inbox, limit: AgeLimit) -> Iterator[int]:
    """Let retention count for rows that are dated in the future and have no body any more."""
    row = deliveries.c
    [(lowest, highest)] = _read(inbox, select(func.min(row.id), func.max(row.id)))
    for first in range(lowest or 0, (highest or -1) + 1, SCAN):
        settled = row.id.between(first, first + SCAN - 1) & row.due_at.is_(None)
        yield from _date(inbox, limit, settled & _undated(limit, row.settled_at))
        yield 0


def _delete_rows(inbox: Inbox, limit: AgeLimit) -> Iterator[int]:
    """Delete the rows that are old, page by page, up to the first received too late: all others are younger."""
    last, newest = 0, 0
    while newest < limit.before and (page := old_rows(inbox, limit, last, newest)):
        for start in range(0, len(page.old), STEP):
            yield _delete(inbox, limit, page.old[start : start + STEP])
        last, newest = page.last, page.newest
        yield 0


def _delete_audit_events(inbox: Inbox, limit: AgeLimit) -> None:
    """Delete old audit events in their order; reads first, since a transaction that writes nothing costs a flush too.

    One that is dated in the future goes with those after it.
    """
    recent = audit.c.at.between(limit.before, limit.now + FUTURE)
    first_recent = select(func.min(audit.c.id)).where(recent).scalar_subquery()
    old = (audit.c.id < first_recent) | (first_recent.is_(None) & (audit.c.at < limit.before))
    if _read(inbox, select(audit.c.id).where(old).limit(1)):
        with inbox.database.write() as connection:
            connection.execute(delete(audit).where(old))


def _delete(inbox: Inbox, limit: AgeLimit, numbers: Sequence[int]) -> int:
    """Delete those of `numbers` that are still old."""
    row = deliveries.c
    query = select(row.id, row.shop, row.business_key, row.domain).where(
        row.id.in_(numbers), limit.is_old(), row.state != State.DEAD
    )
    with inbox.database.write() as connection:
        old = connection.execute(query.with_for_update(skip_locked=True)).all()
        ids = [one.id for one in old]
        keys = [(one.shop, key) for one in old for key in _keys(one)]
        owned = tuple_(business_keys.c.shop, business_keys.c.key).in_(keys) & business_keys.c.delivery_id.in_(ids)
        connection.execute(delete(business_keys).where(owned))
        connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(ids)))
        connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(ids)))
        connection.execute(delete(deliveries).where(row.id.in_(ids)))
        statistics.invalidate(connection, ids)
        return len(ids)


def _keys(row: Any) -> list[str]:
    """Return both forms of the business key that a delivery may have."""
    if not row.business_key:
        return []
    by_address = address_key(row.business_key, normal_form(row.domain))
    return [row.business_key, by_address] if by_address else [row.business_key]


def _read(inbox: Inbox, query: Select[Any]) -> Sequence[Any]:
    with inbox.database.read() as connection:
        return connection.execute(query).all()


def redact(inbox: Inbox, ids: Sequence[int], reason: str, detail: str) -> None:
    """Delete the bodies and calls of `ids`, in small transactions; see redact_rows()."""
    for start in range(0, len(ids), STEP):
        with inbox.database.write() as connection:
            redact_rows(connection, ids[start : start + STEP], reason, detail, inbox.clock())


def redact_rows(connection: Connection, ids: Sequence[int], reason: str, detail: str, now: int) -> None:
    """Delete the bodies and calls of `ids` in an open transaction; those not settled are ignored for `reason`.

    A worker that is sending one of them can no longer settle it, and so cannot store its call again. Rows are locked
    before their bodies are deleted, in the order in which a replay locks them.
    """
    some, unsettled = deliveries.c.id.in_(ids), deliveries.c.state.in_(sources(Verb.REDACT))
    wiped = {"call": None, "answer": None, "held_since": None, "detail": detail, "order_name": ""}
    settled = {"state": State.IGNORED, "reason": reason, "due_at": None, "settled_at": now}
    connection.execute(select(deliveries.c.id).where(some).order_by(deliveries.c.id).with_for_update())
    connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(ids)))
    connection.execute(update(deliveries).where(some).values(**wiped))
    connection.execute(update(deliveries).where(some, unsettled).values(**settled))
    statistics.invalidate(connection, ids)
