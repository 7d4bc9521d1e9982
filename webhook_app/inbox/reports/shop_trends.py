"""What became of a shop's deliveries day by day: how long they took, and how attempts failed.

Read from the figures of the blocks that statistics.py counts, and from the attempts of what is not settled yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from webhook_app.inbox.counting.block_details import FAILURE, WAIT
from webhook_app.inbox.expressions import literal
from webhook_app.inbox.tables import attempts, block_figures, deliveries
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from sqlalchemy import Select

    from webhook_app.inbox.store import Inbox

MOST_UNFINISHED = 5000  # deliveries whose attempts are read


@dataclass(slots=True)
class DayFigures:
    """One day (UTC): `waits` counts delivered events by the step within which they were, `failures` attempts by class.

    Waits belong to the day on which the webhook was received, failures to the day on which they happened.
    """

    waits: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    def within(self, share: float) -> int | None:
        """Return the step within which a share of the events was delivered; None where none was."""
        wanted, below = share * self.waits.total(), 0
        for step in sorted(self.waits):
            below += self.waits[step]
            if below >= wanted:
                return step
        return None


def by_day(inbox: Inbox, shop: str, first: int) -> dict[int, DayFigures]:
    """Return the days from `first` (since 1970 UTC) on that have any; call statistics.refresh() before.

    Raises StoreUnavailableError.
    """
    figure, days = block_figures.c, dict[int, DayFigures]()
    query = select(figure.day, figure.kind, figure.name, func.sum(figure.number))
    query = query.where(figure.shop == shop, figure.kind.in_((WAIT, FAILURE)), figure.day >= first)
    with inbox.database.read() as connection:
        for day, kind, name, number in connection.execute(query.group_by(figure.day, figure.kind, figure.name)):
            found = days.setdefault(day, DayFigures())
            if kind == WAIT:
                found.waits[int(name)] += int(number)
            else:
                found.failures[name] += int(number)
        for day, name, number in connection.execute(_of_unfinished(shop, first)):
            days.setdefault(int(day), DayFigures()).failures[name] += number
    return days


def _of_unfinished(shop: str, first: int) -> Select[Any]:
    row, day = deliveries.c, (attempts.c.ended_at // literal(DAY)).label("day")
    some = select(row.id).where(row.shop == shop, row.due_at.is_not(None)).order_by(row.due_at).limit(MOST_UNFINISHED)
    query = select(day, attempts.c.failure, func.count())
    query = query.where(attempts.c.delivery_id.in_(some), attempts.c.ended_at >= first * DAY)
    return query.group_by(day, attempts.c.failure)
