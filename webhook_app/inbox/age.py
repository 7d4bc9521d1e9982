"""The age of deliveries for retention, while the clocks that dated them may have been wrong for some time.

A delivery's age counts from when it was settled. A date in the future counts as the moment at which retention saw it
first. No delivery was settled before an earlier one was received: what was settled while a clock was behind is not old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, case, func, literal, select

from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import FUTURE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox

PAGE = 4096  # rows that are searched at a time


@dataclass(frozen=True, slots=True)
class AgeLimit:
    """What was settled before `before` is old; both in milliseconds since 1970 UTC."""

    now: int
    before: int

    def is_future(self, at: ColumnElement[Any]) -> ColumnElement[bool]:
        """The condition that a date is later than the clocks of two machines may differ."""
        return at > self.now + FUTURE

    def is_old(self) -> ColumnElement[bool]:
        """The condition that a row is old by its own dates; it was not settled before it was received."""
        row = deliveries.c
        by_date = (row.settled_at < self.before) & ((row.received_at < self.before) | self.is_future(row.received_at))
        return by_date | (self.is_future(row.settled_at) & (row.retention_from < self.before))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows up to number `last`: those that are old, and when the newest up to here was received."""

    last: int
    newest: int
    old: Sequence[int]


def old_rows(inbox: Inbox, limit: AgeLimit, after: int, newest_before: int) -> Page | None:
    """Find the old rows in a page of numbers above `after`; None after the last page.

    `newest_before` is when the newest row before the page was received. Dead rows are never old.
    """
    row = deliveries.c
    believable = case((~limit.is_future(row.received_at), row.received_at), else_=literal(newest_before, BigInteger))
    newest = func.max(believable).over(order_by=row.id).label("newest")
    is_old = case((limit.is_old() & (row.state != State.DEAD), 1), else_=0).label("is_old")
    rows = select(row.id, newest, is_old).where(row.id > after).order_by(row.id).limit(PAGE).subquery()
    with inbox.database.read() as connection:
        last, highest = connection.execute(select(func.max(rows.c.id), func.max(rows.c.newest))).one()
        if last is None:
            return None
        wanted = select(rows.c.id).where(rows.c.is_old == 1, rows.c.newest < limit.before)
        old = connection.execute(wanted.order_by(rows.c.id)).scalars().all()
    return Page(last, max(highest, newest_before), old)
