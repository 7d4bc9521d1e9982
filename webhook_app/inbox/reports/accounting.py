"""Accounting: every delivery received on a day, by outcome; whether that adds up is what count_check.py checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, or_, select

from webhook_app.inbox import records
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.reports.shop_days import UTC_DAYS, Span, span_of
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, delivery_counts
from webhook_app.time_units import FUTURE, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.reports.shop_days import ShopDays
    from webhook_app.inbox.store import Inbox

GROUPS = ("shop", "platform", "topic", "state", "reason")


@dataclass(frozen=True, slots=True)
class AccountingEntry:
    """How many deliveries of a shop and topic are in a state for a reason."""

    shop: str
    platform: str
    topic: str
    state: str
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a set of entries; `received` is the total of the others."""

    received: int
    delivered: int
    ignored: int
    waiting: int
    dead: int

    @property
    def settled_share(self) -> float | None:
        """The share of the received deliveries that were delivered or ignored; None where none was received."""
        return (self.delivered + self.ignored) / self.received if self.received else None

    @property
    def delivered_share(self) -> float | None:
        """The share of the deliveries to be sent that were delivered; None where there are none."""
        to_send = self.delivered + self.waiting + self.dead
        return self.delivered / to_send if to_send else None


def dated_ahead(inbox: Inbox) -> int:
    """Return how many deliveries are dated in the future, because a clock was ahead."""
    ahead = delivery_counts.c.hour > (inbox.clock() + FUTURE) // HOUR
    with inbox.database.read() as connection:
        return int(connection.execute(select(func.sum(delivery_counts.c.number)).where(ahead)).scalar() or 0)


def of_day(inbox: Inbox, day: date, shop: str | None = None, days: ShopDays = UTC_DAYS) -> list[AccountingEntry]:
    """Count what was received on a day of each shop, by shop, topic, state and reason.

    Hours are read from the counts; call statistics.refresh() before. Where a day begins within an hour, as in India,
    the deliveries of that hour are counted themselves.
    """
    chosen = [] if shop is None else [delivery_counts.c.shop == shop]
    number = cast(func.sum(delivery_counts.c.number), BigInteger).label("number")
    groups = [delivery_counts.c[name] for name in GROUPS]
    query = select(*groups, number).where(_whole_hours(day, days), *chosen).group_by(*groups)
    with inbox.database.read() as connection:
        found = records.read(connection, AccountingEntry, query)
        for part, names in _parts_of_hours(day, days):
            wanted = [name for name in names if shop in (None, name)]
            found += _counted(connection, part, wanted) if wanted else []
    return _merged(found)


def _whole_hours(day: date, days: ShopDays) -> ColumnElement[bool]:
    """The condition of a count within the whole hours of the day of its shop."""
    count = delivery_counts.c
    conditions = [_within(span_of(day, "UTC").hours) & count.shop.not_in([*days.zones])]
    conditions += [_within(span.whole_hours) & count.shop.in_(names) for span, names in days.spans(day).items()]
    return or_(*conditions)


def _within(hours: range) -> ColumnElement[bool]:
    return (delivery_counts.c.hour >= hours.start) & (delivery_counts.c.hour < hours.stop)


def _parts_of_hours(day: date, days: ShopDays) -> Iterator[tuple[Span, tuple[str, ...]]]:
    """Yield the parts of hours with which days begin and end, with the shops whose days these are."""
    for span, names in days.spans(day).items():
        whole = span.whole_hours
        for part in (Span(span.since, whole.start * HOUR), Span(whole.stop * HOUR, span.until)):
            if part.since < part.until:
                yield part, names


def _counted(connection: Connection, part: Span, shops: Sequence[str]) -> list[AccountingEntry]:
    """Count the deliveries of a part of an hour; the counts show among which numbers they are."""
    count, row = delivery_counts.c, deliveries.c
    numbers = select(func.min(count.first_id), func.max(count.last_id))
    first, last = connection.execute(numbers.where(_within(part.hours), count.shop.in_(shops))).one()
    if first is None:
        return []
    groups = [row[name] for name in GROUPS]
    query = select(*groups, func.count().label("number")).where(
        row.id.between(first, last), row.shop.in_(shops), row.received_at >= part.since, row.received_at < part.until
    )
    return records.read(connection, AccountingEntry, query.group_by(*groups))


def _merged(entries: Iterable[AccountingEntry]) -> list[AccountingEntry]:
    """Add up entries about the same, in the order of their texts."""
    numbers: Counter[tuple[str, str, str, str, str]] = Counter()
    for one in entries:
        numbers[one.shop, one.platform, one.topic, one.state, one.reason] += one.number
    return [AccountingEntry(*key, number=number) for key, number in sorted(numbers.items())]


def totals(entries: Iterable[AccountingEntry]) -> Totals:
    """Sum up entries."""
    every = list(entries)
    return Totals(
        received=sum(entry.number for entry in every),
        delivered=_sum(every, lambda state: state == State.DELIVERED),
        ignored=_sum(every, lambda state: state == State.IGNORED),
        waiting=_sum(every, lambda state: state in UNFINISHED),
        dead=_sum(every, lambda state: state == State.DEAD),
    )


def _sum(entries: Iterable[AccountingEntry], fits: Callable[[str], bool]) -> int:
    return sum(entry.number for entry in entries if fits(entry.state))
