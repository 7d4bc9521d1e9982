"""Counts over time and by shop, and how long deliveries take; read from the counts of statistics.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app.inbox.expressions import literal, waits_since
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select

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


def span(now: int, bars: int, hours: int) -> Span:
    """Return the span whose last bar contains `now` (milliseconds since 1970 UTC)."""
    last = now // HOUR // hours * hours
    return Span(last - (bars - 1) * hours, bars, hours)


def over_time(inbox: Inbox, over: Span, shops: Collection[str] | None = None) -> list[Bar]:
    """Return every bar of the span, including empty ones; of all shops unless `shops` are given."""
    count = delivery_counts.c
    bar = ((count.hour - literal(over.since)) // literal(over.hours)).label("bar")
    sums = func.sum(count.number).label("number"), func.sum(count.waited).label("waited")
    query = select(bar, count.state, *sums).where(over.includes(), *_of(shops)).group_by("bar", count.state)
    rows = _read(inbox, query)
    return [_bar(over, number, [row for row in rows if int(row.bar) == number]) for number in range(over.bars)]


def _bar(over: Span, number: int, rows: Sequence[Any]) -> Bar:
    states = {row.state: int(row.number) for row in rows}
    waited = sum(int(row.waited) for row in rows)
    delivered = states.get(State.DELIVERED, 0)
    return Bar(over.since + number * over.hours, states, waited / delivered if delivered else None)


def by_shop(inbox: Inbox, over: Span) -> dict[str, dict[str, int]]:
    """Return counts by shop and state of what was received in the span."""
    count = delivery_counts.c
    query = select(count.shop, count.state, func.sum(count.number).label("number")).where(over.includes())
    counts: dict[str, dict[str, int]] = {}
    for row in _read(inbox, query.group_by(count.shop, count.state)):
        counts.setdefault(row.shop, {})[row.state] = int(row.number)
    return counts


def reasons(inbox: Inbox, over: Span, state: State, shops: Collection[str] | None = None) -> dict[str, int]:
    """Return counts by reason of what was received in the span and is in `state`, most frequent first."""
    count = delivery_counts.c
    number = func.sum(count.number)
    query = select(count.reason, number.label("number")).where(over.includes(), count.state == state, *_of(shops))
    return {row.reason: int(row.number) for row in _read(inbox, query.group_by(count.reason).order_by(-number))}


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


def _of(shops: Collection[str] | None) -> list[ColumnElement[bool]]:
    return [] if shops is None else [delivery_counts.c.shop.in_(shops)]


def _read(inbox: Inbox, query: Select[Any]) -> Sequence[Any]:
    with inbox.database.read() as connection:
        return connection.execute(query).all()
