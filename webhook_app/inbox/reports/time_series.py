"""How it stands, over time and by shop, read from the tallies and from what is unfinished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app.inbox.engines.statements import fixed
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Select

    from webhook_app.inbox.store import Inbox

LATEST = 1000  # deliveries whose times tell how fast it is now
LOOKED_THROUGH = 4000  # numbers, from the newest, in which they are looked for


@dataclass(frozen=True, slots=True)
class Span:
    """Bars of time: from `since` (included), `bars` of `hours` each; `since` is in hours since 1970 UTC."""

    since: int
    bars: int
    hours: int

    @property
    def until(self) -> int:
        """The first hour after the last bar."""
        return self.since + self.bars * self.hours

    def includes(self) -> ColumnElement[bool]:
        """What a row of `tallies` must fulfil."""
        return (delivery_counts.c.hour >= self.since) & (delivery_counts.c.hour < self.until)


@dataclass(frozen=True, slots=True)
class Bar:
    """What was received in one bar of a span, by state; `waited` is the mean, in milliseconds, of the delivered."""

    hour: int
    states: Mapping[str, int]
    waited: float | None


def span(now: int, bars: int, hours: int) -> Span:
    """Return the span whose last bar holds `now` (milliseconds since 1970 UTC)."""
    this = now // HOUR // hours * hours
    return Span(this - (bars - 1) * hours, bars, hours)


def over_time(inbox: Inbox, over: Span, shop: str | None = None) -> list[Bar]:
    """Return every bar of the span, also those in which nothing was received."""
    bar = ((delivery_counts.c.hour - fixed(over.since)) // fixed(over.hours)).label("bar")
    query = select(bar, delivery_counts.c.state, func.sum(delivery_counts.c.number), func.sum(delivery_counts.c.waited))
    query = query.where(over.includes(), *_of_shop(shop)).group_by("bar", delivery_counts.c.state)
    found = [(int(number), state, int(count), int(waited)) for number, state, count, waited in _read(inbox, query)]
    return [_bar(over, number, [row[1:] for row in found if row[0] == number]) for number in range(over.bars)]


def _bar(over: Span, number: int, rows: Sequence[tuple[str, int, int]]) -> Bar:
    states = {state: count for state, count, _ in rows}
    waited = sum(milliseconds for _, _, milliseconds in rows)
    delivered = states.get(State.DELIVERED, 0)
    return Bar(over.since + number * over.hours, states, waited / delivered if delivered else None)


def by_shop(inbox: Inbox, over: Span) -> dict[str, dict[str, int]]:
    """Return counts by shop and state of what was received in the span."""
    query = select(delivery_counts.c.shop, delivery_counts.c.state, func.sum(delivery_counts.c.number)).where(
        over.includes()
    )
    counts: dict[str, dict[str, int]] = {}
    for shop, state, number in _read(inbox, query.group_by(delivery_counts.c.shop, delivery_counts.c.state)):
        counts.setdefault(shop, {})[state] = int(number)
    return counts


def reasons(inbox: Inbox, over: Span, state: State, shop: str | None = None) -> dict[str, int]:
    """Return counts by reason of what was received in the span and is in that state, the most frequent first."""
    number = func.sum(delivery_counts.c.number)
    query = select(delivery_counts.c.reason, number).where(
        over.includes(), delivery_counts.c.state == state, *_of_shop(shop)
    )
    return {
        reason: int(count) for reason, count in _read(inbox, query.group_by(delivery_counts.c.reason).order_by(-number))
    }


def latest_waits(inbox: Inbox, shop: str | None = None) -> list[int]:
    """Return, sorted, the milliseconds from received to delivered of the newest that were delivered."""
    row = deliveries.c
    newest = select(func.max(row.id)).scalar_subquery()
    recent = select(row.received_at, row.settled_at, row.state, row.shop).where(row.id > newest - LOOKED_THROUGH)
    mine = [each for each in _read(inbox, recent.order_by(row.id.desc())) if shop in (None, each.shop)]
    waits = [each.settled_at - each.received_at for each in mine if each.state == State.DELIVERED]
    return sorted(waits[:LATEST])


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the value below which `share` (0 to 1) of the sorted `values` lie; None where there are none."""
    return values[min(int(len(values) * share), len(values) - 1)] if values else None


def _of_shop(shop: str | None) -> list[ColumnElement[bool]]:
    return [] if shop is None else [delivery_counts.c.shop == shop]


def _read(inbox: Inbox, query: Select[Any]) -> Sequence[Any]:
    with inbox.database.reading() as connection:
        return connection.execute(query).all()
