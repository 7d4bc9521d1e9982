"""Pages of deliveries, newest first, whose cost does not grow with the number of rows.

The counts of statistics.py show which blocks of numbers can hold matching rows, so that no other is read. For what is
not counted (a profile key), a page reads a limited number of blocks, and the next page continues from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app import green_threads
from webhook_app.inbox import records
from webhook_app.inbox.counting.statistics import BLOCK
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.reports.failure_texts import signature
from webhook_app.inbox.reports.stored_deliveries import COLUMNS, is_for_profile
from webhook_app.inbox.selection import ALL_DELIVERIES
from webhook_app.inbox.tables import IS_DEAD, counted_blocks, deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.selection import Selection
    from webhook_app.inbox.store import Inbox

MAX_BLOCKS = 12  # a page reads


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """A selection with the further filters of the dashboard; an empty field filters nothing.

    `topics`: any of these; `without`: none of these. `issue` is the signature of dead deliveries with one cause, which
    only `fits` looks at.
    """

    selection: Selection = ALL_DELIVERIES
    platform: str | None = None
    topics: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    profile_key: str | None = None
    shops: tuple[str, ...] | None = None
    issue: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row must meet, all of them."""
        row, conditions = deliveries.c, self.selection.conditions()
        if self.platform:
            conditions.append(row.platform == self.platform)
        if self.shops is not None:
            conditions.append(row.shop.in_(self.shops))
        if self.topics:
            conditions.append(row.topic.in_(self.topics))
        if self.without:
            conditions.append(row.topic.not_in(self.without))
        if self.profile_key:
            conditions.append(is_for_profile(self.profile_key))
        if self.issue:
            conditions.append(IS_DEAD)
        return conditions

    def fits(self, row: Row) -> bool:
        """Return whether a row that meets the conditions passes what SQL cannot decide."""
        return self.issue is None or signature(row) == self.issue


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the number below which the next page begins; None on the last page."""

    rows: tuple[Row, ...]
    older: int | None


def page(inbox: Inbox, wanted: DeliveryFilter, size: int, below: int | None = None) -> Page:
    """Return up to `size` rows with numbers below `below`. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        end = newest(connection) + 1
        top = end if below is None else min(below, end)
        if wanted.selection.order or wanted.selection.ids:
            return _by_index(connection, wanted, size, top)
        return _by_blocks(connection, wanted, size, top)


def newest(connection: Connection) -> int:
    """Return the highest number of a delivery, 0 without any."""
    return int(connection.execute(select(func.max(deliveries.c.id))).scalar_one() or 0)


def _by_index(connection: Connection, wanted: DeliveryFilter, size: int, below: int) -> Page:
    """Read what an index finds: numbers, or an order."""
    return _cut(_rows(connection, wanted, size + 1, deliveries.c.id < below), size)


def _by_blocks(connection: Connection, wanted: DeliveryFilter, size: int, below: int) -> Page:
    found: list[Row] = []
    for done, (first, last) in enumerate(ranges(connection, wanted, below)):
        if done == MAX_BLOCKS:
            return Page(tuple(found), last + 1)
        found += _rows(connection, wanted, size + 1 - len(found), deliveries.c.id.between(first, last))
        if len(found) > size:
            break
        green_threads.yield_control()
    return _cut(found, size)


def _cut(rows: Sequence[Row], size: int) -> Page:
    return Page(tuple(rows[:size]), rows[size - 1].id if len(rows) > size else None)


def _rows(connection: Connection, wanted: DeliveryFilter, limit: int, *more: ColumnElement[bool]) -> list[Row]:
    query = select(*COLUMNS).where(*more, *wanted.conditions()).order_by(deliveries.c.id.desc())
    query = query if wanted.issue else query.limit(limit)
    return [row for row in records.read(connection, Row, query) if wanted.fits(row)][:limit]


def ranges(connection: Connection, wanted: DeliveryFilter, below: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of numbers that may hold matching rows, highest first, including blocks that are not final."""
    lowest = connection.execute(select(func.min(deliveries.c.id))).scalar_one()
    if lowest is None:
        return
    final = set(connection.execute(select(counted_blocks.c.block).where(counted_blocks.c.final)).scalars())
    matching = _matching(connection, wanted)
    for block in range((below - 1) // BLOCK, lowest // BLOCK - 1, -1):
        if block in final and block not in matching:
            continue
        first, last = matching[block] if block in final else (block * BLOCK, (block + 1) * BLOCK - 1)
        if first < below:
            yield first, min(last, below - 1)


def _matching(connection: Connection, wanted: DeliveryFilter) -> dict[int, tuple[int, int]]:
    """Return the first and last matching number of each counted block that has any."""
    count = delivery_counts.c
    query = select(count.block, func.min(count.first_id).label("first"), func.max(count.last_id).label("last"))
    query = query.where(*_conditions(wanted)).group_by(count.block)
    return {found.block: (found.first, found.last) for found in connection.execute(query)}


def _conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that a row of the counts must meet."""
    chosen, count = wanted.selection, delivery_counts.c
    filters: list[tuple[Any, ColumnElement[bool]]] = [
        (chosen.shop, count.shop == chosen.shop),
        (wanted.shops, count.shop.in_(wanted.shops or ())),
        (wanted.platform, count.platform == wanted.platform),
        (chosen.topic, count.topic == chosen.topic),
        (wanted.topics, count.topic.in_(wanted.topics)),
        (wanted.without, count.topic.not_in(wanted.without)),
        (chosen.states, count.state.in_(chosen.states)),
        (chosen.reason, count.reason == chosen.reason),
        (chosen.since, count.hour >= (chosen.since or 0) // HOUR),
        (chosen.until, count.hour <= (chosen.until or 0) // HOUR),
    ]
    return [condition for value, condition in filters if value not in (None, ())]
