"""What became of everything that was received on one day: a table that adds up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import delivery_counts
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.inbox.store import Inbox

HOURS_OF_A_DAY = 24


@dataclass(frozen=True, slots=True)
class AccountingEntry:
    """How many of a shop's deliveries of a topic are in that state for that reason."""

    shop: str
    platform: str
    topic: str
    state: str
    reason: str
    number: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of one set of entries; `received` is what the others add up to."""

    received: int
    delivered: int
    ignored: int
    waiting: int
    dead: int

    @property
    def adds_up(self) -> bool:
        """Whether each delivery is in one place and none is in two."""
        return self.received == self.delivered + self.ignored + self.waiting + self.dead

    @property
    def settled_share(self) -> float | None:
        """Of all that were received, the share that was delivered or ignored for a reason; None where none was."""
        return (self.delivered + self.ignored) / self.received if self.received else None

    @property
    def delivered_share(self) -> float | None:
        """Of all that are to be sent, the share that Tweakwise has; None where none is."""
        meant = self.delivered + self.waiting + self.dead
        return self.delivered / meant if meant else None


def first_hour(day: date) -> int:
    """Return the first hour of a day in UTC, in hours since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000 // HOUR


def of_day(inbox: Inbox, day: date, shop: str | None = None) -> list[AccountingEntry]:
    """Return what was received on a day (UTC), by shop, topic, state and reason; refresh the tallies before."""
    begin = first_hour(day)
    kinds = [delivery_counts.c[name] for name in ("shop", "platform", "topic", "state", "reason")]
    query = select(*kinds, func.sum(delivery_counts.c.number)).group_by(*kinds).order_by(*kinds)
    query = query.where(delivery_counts.c.hour >= begin, delivery_counts.c.hour < begin + HOURS_OF_A_DAY)
    if shop is not None:
        query = query.where(delivery_counts.c.shop == shop)
    with inbox.database.reading() as connection:
        rows = connection.execute(query).all()
    return [AccountingEntry(row.shop, row.platform, row.topic, row.state, row.reason, int(row[-1])) for row in rows]


def totals(entries: Iterable[AccountingEntry]) -> Totals:
    """Sum entries up."""
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
