"""Pages of deliveries, newest first, that cost the same however many rows there are.

What was counted says which numbers can hold what is looked for, so that the rows between are never read. What cannot
be counted (a profile key) is looked for in so many numbers a page, and the next page goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app import green_threads
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.selection import ALL_DELIVERIES, COLUMNS
from webhook_app.inbox.statistics import BLOCK
from webhook_app.inbox.tables import ORDERS, counted_blocks, deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, TextClause

    from webhook_app.inbox.selection import Selection
    from webhook_app.inbox.store import Inbox

MOST_BLOCKS = 12  # read for one page


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """What is looked for: a selection, and what only the dashboard asks for; empty fields ask for nothing.

    `topics` are any of these, `without` none of these.
    """

    selection: Selection = ALL_DELIVERIES
    platform: str | None = None
    topics: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    order: str | None = None
    profile_key: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what a row must fulfil, all of it."""
        row, conditions = deliveries.c, self.selection.conditions()
        if self.platform:
            conditions.append(row.platform == self.platform)
        if self.topics:
            conditions.append(row.topic.in_(self.topics))
        if self.without:
            conditions.append(row.topic.not_in(self.without))
        if self.order:
            conditions.append(row.business_key == f"purchase:{self.order}")
        if self.profile_key:
            conditions.append(row.call.contains(f'"ProfileKey":"{self.profile_key}"', autoescape=True))
        return conditions


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and below which number the next page begins; None where there is nothing more."""

    rows: tuple[Row, ...]
    older: int | None


def page(inbox: Inbox, wanted: DeliveryFilter, size: int, below: int | None = None) -> Page:
    """Return up to `size` rows with numbers below `below`. Raises StoreUnavailableError."""
    with inbox.database.reading() as connection:
        top = below if below is not None else _newest(connection) + 1
        if wanted.order or wanted.selection.ids:
            return _at_once(connection, wanted, size, top)
        return _by_blocks(connection, wanted, size, top)


def _newest(connection: Connection) -> int:
    return int(connection.execute(select(func.max(deliveries.c.id))).scalar_one() or 0)


def _at_once(connection: Connection, wanted: DeliveryFilter, size: int, below: int) -> Page:
    """Read what an index of its own finds: numbers, or an order."""
    indexed: list[TextClause] = [] if wanted.selection.ids else [ORDERS]
    return _cut(_rows(connection, wanted, size + 1, deliveries.c.id < below, *indexed), size)


def _by_blocks(connection: Connection, wanted: DeliveryFilter, size: int, below: int) -> Page:
    found: list[Row] = []
    for looked, (first, last) in enumerate(_blocks(connection, wanted, below)):
        if looked == MOST_BLOCKS:
            return Page(tuple(found), last + 1)
        found += _rows(connection, wanted, size + 1 - len(found), deliveries.c.id.between(first, last))
        if len(found) > size:
            break
        green_threads.yield_control()
    return _cut(found, size)


def _cut(rows: Sequence[Row], size: int) -> Page:
    return Page(tuple(rows[:size]), rows[size - 1].id if len(rows) > size else None)


def _rows(
    connection: Connection, wanted: DeliveryFilter, limit: int, *more: ColumnElement[bool] | TextClause
) -> list[Row]:
    query = select(*COLUMNS).where(*more, *wanted.conditions()).order_by(deliveries.c.id.desc()).limit(limit)
    return [Row(*values) for values in connection.execute(query)]


def _blocks(connection: Connection, wanted: DeliveryFilter, below: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of numbers, the highest first, that may hold something: those counted so, and the uncounted."""
    lowest = connection.execute(select(func.min(deliveries.c.id))).scalar_one()
    if lowest is None:
        return
    sure = set(connection.execute(select(counted_blocks.c.block).where(counted_blocks.c.final)).scalars())
    holding = _holding(connection, wanted)
    for block in range((below - 1) // BLOCK, lowest // BLOCK - 1, -1):
        if block in sure and block not in holding:
            continue
        first, last = holding[block] if block in sure else (block * BLOCK, (block + 1) * BLOCK - 1)
        if first < below:
            yield first, min(last, below - 1)


def _holding(connection: Connection, wanted: DeliveryFilter) -> dict[int, tuple[int, int]]:
    """Return which numbers of each counted block lie between the first and the last that is wanted."""
    query = select(delivery_counts.c.block, func.min(delivery_counts.c.first_id), func.max(delivery_counts.c.last_id))
    query = query.where(*_counted(wanted)).group_by(delivery_counts.c.block)
    return {block: (first, last) for block, first, last in connection.execute(query)}


def _counted(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """Return what a tally must fulfil to hold something wanted."""
    chosen, tally = wanted.selection, delivery_counts.c
    asked: list[tuple[Any, ColumnElement[bool]]] = [
        (chosen.shop, tally.shop == chosen.shop),
        (wanted.platform, tally.platform == wanted.platform),
        (chosen.topic, tally.topic == chosen.topic),
        (wanted.topics, tally.topic.in_(wanted.topics)),
        (wanted.without, tally.topic.not_in(wanted.without)),
        (chosen.states, tally.state.in_(chosen.states)),
        (chosen.reason, tally.reason == chosen.reason),
        (chosen.since, tally.hour >= (chosen.since or 0) // HOUR),
        (chosen.until, tally.hour <= (chosen.until or 0) // HOUR),
    ]
    return [condition for value, condition in asked if value not in (None, ())]
