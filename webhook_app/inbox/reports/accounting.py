"""Accounting: every delivery received on a day, by outcome; whether that adds up is what count_check.py checks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, cast, func, select

from webhook_app.inbox import records
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import delivery_counts
from webhook_app.time_units import FUTURE, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.inbox.store import Inbox

HOURS_OF_A_DAY = 24


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


def hours_of(day: date) -> range:
    """Return the hours of a day in UTC, in hours since 1970."""
    begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 // HOUR
    return range(begin, begin + HOURS_OF_A_DAY)


def dated_ahead(inbox: Inbox) -> int:
    """Return how many deliveries are dated in the future, because a clock was ahead."""
    ahead = delivery_counts.c.hour > (inbox.clock() + FUTURE) // HOUR
    with inbox.database.read() as connection:
        return int(connection.execute(select(func.sum(delivery_counts.c.number)).where(ahead)).scalar() or 0)


def of_day(inbox: Inbox, day: date, shop: str | None = None) -> list[AccountingEntry]:
    """Count what was received on a day (UTC) by shop, topic, state and reason; call statistics.refresh() before."""
    hours = hours_of(day)
    groups = [delivery_counts.c[name] for name in ("shop", "platform", "topic", "state", "reason")]
    number = cast(func.sum(delivery_counts.c.number), BigInteger).label("number")
    query = select(*groups, number).group_by(*groups).order_by(*groups)
    query = query.where(delivery_counts.c.hour >= hours.start, delivery_counts.c.hour < hours.stop)
    if shop is not None:
        query = query.where(delivery_counts.c.shop == shop)
    with inbox.database.read() as connection:
        return records.read(connection, AccountingEntry, query)


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
