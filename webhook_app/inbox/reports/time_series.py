"""Counts over time, and how long deliveries take; read from the counts of statistics.py.

All shops together, over more than a day, are read from the sums of the blocks: the counts by shop are as many as
deliveries where there are many shops.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from webhook_app.inbox.counting import block_details
from webhook_app.inbox.counting.block_details import SLOT
from webhook_app.inbox.expressions import literal, waits_since
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from webhook_app.inbox.store import Inbox

MAX_WAITS = 1000  # deliveries whose waiting times are returned
NEWEST_NUMBERS = 4000  # the numbers, from the newest, among which they are searched


@dataclass(frozen=True, slots=True)
class Span:
    """A period of `bars` bars of `hours` each, from `since` (included), in hours since 1970 UTC."""

    since: int
    bars: int
    hours: int

    @property
    def until(self) -> int:
        """The first hour after the last bar."""
        return self.since + self.bars * self.hours

    def includes(self) -> ColumnElement[bool]:
        """The condition that a row of the counts must meet."""
        return (delivery_counts.c.hour >= self.since) & (delivery_counts.c.hour < self.until)


@dataclass(frozen=True, slots=True)
class Bar:
    """Counts by state of what was received in one bar; `waited` is the mean of the delivered, in milliseconds."""

    hour: int
    states: Mapping[str, int]
    waited: float | None


class _Count(NamedTuple):
    bar: int
    state: str
    reason: str
    number: int
    waited: int


def span(now: int, bars: int, hours: int) -> Span:
    """Return the span whose last bar contains `now` (milliseconds since 1970 UTC)."""
    last = now // HOUR // hours * hours
    return Span(last - (bars - 1) * hours, bars, hours)


@dataclass(frozen=True, slots=True)
class Series:
    """Every bar of a span, including empty ones, and the reasons of what was received in it, most frequent first."""

    bars: tuple[Bar, ...]
    ignored: Mapping[str, int]
    dead: Mapping[str, int]


def series(inbox: Inbox, over: Span, shops: Collection[str] | None = None) -> Series:
    """Return what was received in a span, of all shops unless `shops` are given. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        is_whole = shops is None and over.hours % SLOT == 0
        counts = _of_all(connection, over) if is_whole else _of_shops(connection, over, shops)
    bars = tuple(_bar(over, number, [one for one in counts if one.bar == number]) for number in range(over.bars))
    return Series(bars, _reasons(counts, State.IGNORED), _reasons(counts, State.DEAD))


def _of_all(connection: Connection, over: Span) -> list[_Count]:
    found = block_details.sums(connection, range(over.since // SLOT, over.until // SLOT))
    return [_Count((one.slot * SLOT - over.since) // over.hours, *one[1:]) for one in found]


def _of_shops(connection: Connection, over: Span, shops: Collection[str] | None) -> list[_Count]:
    count = delivery_counts.c
    bar = ((count.hour - literal(over.since)) // literal(over.hours)).label("bar")
    sums = func.sum(count.number).label("number"), func.sum(count.waited).label("waited")
    query = select(bar, count.state, count.reason, *sums).where(over.includes())
    if shops is not None:
        query = query.where(count.shop.in_(shops))
    rows = connection.execute(query.group_by("bar", count.state, count.reason))
    return [_Count(int(row.bar), row.state, row.reason, int(row.number), int(row.waited)) for row in rows]


def _bar(over: Span, number: int, counts: Sequence[_Count]) -> Bar:
    states = Counter[str]()
    for one in counts:
        states[one.state] += one.number
    waited, delivered = sum(one.waited for one in counts), states[State.DELIVERED]
    return Bar(over.since + number * over.hours, states, waited / delivered if delivered else None)


def _reasons(counts: Iterable[_Count], state: State) -> dict[str, int]:
    numbers = Counter[str]()
    for one in counts:
        if one.state == state:
            numbers[one.reason] += one.number
    return dict(numbers.most_common())


def by_shop(inbox: Inbox, over: Span) -> dict[str, dict[str, int]]:
    """Return counts by shop and state of what was received in a short span."""
    count = delivery_counts.c
    query = select(count.shop, count.state, func.sum(count.number).label("number")).where(over.includes())
    counts: dict[str, dict[str, int]] = {}
    for row in _read(inbox, query.group_by(count.shop, count.state)):
        counts.setdefault(row.shop, {})[row.state] = int(row.number)
    return counts


def latest_waits(inbox: Inbox, shops: Collection[str] | None = None) -> list[int]:
    """Return the times from received (or replayed) to delivered of the newest delivered ones, in ms, sorted."""
    row = deliveries.c
    newest = select(func.max(row.id)).scalar_subquery()
    began = waits_since().label("began")
    recent = select(began, row.settled_at, row.state, row.shop).where(row.id > newest - NEWEST_NUMBERS)
    rows = [each for each in _read(inbox, recent.order_by(row.id.desc())) if shops is None or each.shop in shops]
    waits = [max(each.settled_at - each.began, 0) for each in rows if each.state == State.DELIVERED]
    return sorted(waits[:MAX_WAITS])


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the value below which `share` (0 to 1) of the sorted `values` lie; None where there are none."""
    return values[min(int(len(values) * share), len(values) - 1)] if values else None


def _read(inbox: Inbox, query: Select[Any]) -> Sequence[Any]:
    with inbox.database.read() as connection:
        return connection.execute(query).all()
