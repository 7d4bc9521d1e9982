"""Replays or discards all deliveries of a filter in small steps: the core of the commands and of the dashboard's jobs.

A change concerns the deliveries that had arrived when they were counted, in the order of their numbers. Each step is
one short transaction: webhooks are accepted and sent meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from webhook_app import green_threads
from webhook_app.inbox import records
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.stored_deliveries import COLUMNS
from webhook_app.inbox.selection import HAS_BODY
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
    from webhook_app.inbox.selection import Selection
    from webhook_app.inbox.store import Inbox

STEP = 200  # deliveries that are changed in one transaction
MANY = 100  # deliveries, beyond which a change needs a confirmation
MOST_RANGES = 50  # ranges of numbers that one step searches


@dataclass(frozen=True, slots=True)
class SelectionCounts:
    """How many deliveries a filter holds, and to how many of them a verb applies."""

    total: int
    allowed: int  # in a state that the verb starts from
    with_body: int  # of these, those whose body is stored
    last: int  # the highest number, 0 where there is none

    def able(self, verb: Verb) -> int:
        """Return how many the verb would change: what is replayed needs its body."""
        return self.with_body if verb is Verb.REPLAY else self.allowed

    def plus(self, other: SelectionCounts) -> SelectionCounts:
        """Return the sum of the counts of two ranges of numbers."""
        return SelectionCounts(
            self.total + other.total,
            self.allowed + other.allowed,
            self.with_body + other.with_body,
            max(self.last, other.last),
        )


NOTHING = SelectionCounts(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """The next deliveries of a filter; all up to number `reached` were searched."""

    ids: Sequence[int]
    reached: int


def narrowed(selection: Selection, verb: Verb) -> Selection:
    """Limit a selection without numbers and states: to dead ones, or for a replay by reason to what it starts from."""
    if selection.ids or selection.states:
        return selection
    by_reason = verb is Verb.REPLAY and bool(selection.reason)
    return replace(selection, states=tuple(sources(verb)) if by_reason else (State.DEAD.value,))


def count(inbox: Inbox, wanted: DeliveryFilter, verb: Verb, last: int | None = None) -> SelectionCounts:
    """Count the deliveries of a filter, up to number `last`, and those to which `verb` applies.

    Raises StoreUnavailableError.
    """
    total = NOTHING
    with inbox.database.read() as connection:
        newest = delivery_pages.newest(connection)
        for first, end in _ranges(connection, wanted, 0, newest if last is None else min(last, newest)):
            total = total.plus(_counted(connection, wanted, verb, deliveries.c.id.between(first, end)))
            green_threads.yield_control()
    return total


def following(inbox: Inbox, wanted: DeliveryFilter, after: int, last: int, size: int = STEP) -> Step:
    """Return up to `size` deliveries of a filter with numbers above `after` and up to `last`."""
    found: list[int] = []
    with inbox.database.read() as connection:
        stored = min(last, delivery_pages.newest(connection))
        for searched, (first, end) in enumerate(_ranges(connection, wanted, after, stored)):
            if searched == MOST_RANGES:
                return Step(found, first - 1)
            found += _ids(connection, wanted, size - len(found), deliveries.c.id.between(first, end))
            if len(found) == size:
                return Step(found, found[-1])
    return Step(found, last)


def pause_after(changed: int, rate: int | None, took: float) -> float:
    """Return for how many seconds to wait after a step, so that no more than `rate` deliveries a second are changed."""
    return max(changed / rate - took, 0.0) if rate else 0.0


def step_size(rate: int | None) -> int:
    """Return how many deliveries to change at a time: at most those of a second."""
    return min(STEP, rate or STEP)


def _ranges(connection: Connection, wanted: DeliveryFilter, after: int, last: int) -> list[tuple[int, int]]:
    """Return ranges of numbers above `after` and up to `last` that may hold deliveries of a filter, lowest first."""
    if wanted.selection.order or wanted.selection.ids:
        return [(after + 1, last)]  # an index finds them
    found = list(delivery_pages.ranges(connection, wanted, last + 1))[::-1]
    return [(max(first, after + 1), end) for first, end in found if end > after]


def _counted(
    connection: Connection, wanted: DeliveryFilter, verb: Verb, within: ColumnElement[bool]
) -> SelectionCounts:
    allowed = deliveries.c.state.in_(sources(verb))
    if wanted.issue:
        rows = [row for row in _rows(connection, wanted, within) if wanted.fits(row)]
        ids = [row.id for row in rows if row.state in sources(verb)]
        with_body = select(func.count()).where(bodies.c.delivery_id.in_(ids))
        return SelectionCounts(
            len(rows), len(ids), connection.execute(with_body).scalar_one(), rows[-1].id if rows else 0
        )
    query = select(
        func.count().label("total"),
        func.count().filter(allowed).label("allowed"),
        func.count().filter(and_(allowed, HAS_BODY)).label("with_body"),
        func.coalesce(func.max(deliveries.c.id), 0).label("last"),
    )
    query = query.select_from(deliveries).where(within, *wanted.conditions())
    [found] = records.read(connection, SelectionCounts, query)
    return found


def _ids(connection: Connection, wanted: DeliveryFilter, limit: int, within: ColumnElement[bool]) -> list[int]:
    if wanted.issue:
        return [row.id for row in _rows(connection, wanted, within) if wanted.fits(row)][:limit]
    query: Any = select(deliveries.c.id).where(within, *wanted.conditions()).order_by(deliveries.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def _rows(connection: Connection, wanted: DeliveryFilter, within: ColumnElement[bool]) -> list[Row]:
    query = select(*COLUMNS).where(within, *wanted.conditions()).order_by(deliveries.c.id)
    return records.read(connection, Row, query)
