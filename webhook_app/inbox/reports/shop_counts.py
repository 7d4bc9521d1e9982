"""The counts of each shop: its orders hour by hour, what waits, and how complete the platform's own list finds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, literal_column, select

from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries, delivery_counts, reconciliations
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection

    from webhook_app.inbox.store import Inbox

HOURS = 24


@dataclass(slots=True)
class OrderCounts:
    """The orders of a shop in the last 24 hours that are to be sent: by hour, oldest first, and how many were sent.

    What was ignored, such as another webhook about an order that was counted, is not in it.
    """

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    delivered: int = 0
    dead: int = 0

    @property
    def number(self) -> int:
        """All of them."""
        return sum(self.hours)

    @property
    def delivered_share(self) -> float | None:
        """The share that was delivered; None where there are none."""
        return self.delivered / self.number if self.number else None


@dataclass(frozen=True, slots=True)
class Reported:
    """Orders that comparisons found on the platform's list, and those of which no webhook had arrived."""

    listed: int
    missing: int

    @property
    def share(self) -> float | None:
        """The share that webhooks had reported; None where none is listed."""
        return (self.listed - min(self.missing, self.listed)) / self.listed if self.listed else None


def orders(inbox: Inbox, topics: Collection[str], shops: Collection[str] | None = None) -> dict[str, OrderCounts]:
    """Return the orders of each shop; `topics` are those of orders. Raises StoreUnavailableError.

    Call statistics.refresh() before.
    """
    count, first = delivery_counts.c, inbox.clock() // HOUR - HOURS + 1
    number = func.sum(count.number).label("number")
    query = select(count.shop, count.hour, count.state, number).where(count.hour >= first, count.hour < first + HOURS)
    query = query.where(count.topic.in_(topics), count.state != State.IGNORED)
    if shops is not None:
        query = query.where(count.shop.in_(shops))
    found: dict[str, OrderCounts] = {}
    with inbox.database.read() as connection:
        for shop, hour, state, total in connection.execute(query.group_by(count.shop, count.hour, count.state)):
            counts = found.setdefault(shop, OrderCounts())
            counts.hours[hour - first] += int(total)
            counts.delivered += int(total) if state == State.DELIVERED else 0
            counts.dead += int(total) if state == State.DEAD else 0
    return found


def waiting(inbox: Inbox) -> dict[str, int]:
    """Return the number of unfinished deliveries of each shop, from their index. Raises StoreUnavailableError."""
    row = deliveries.c
    query = select(row.shop, func.count()).where(row.due_at.is_not(None)).group_by(row.shop)
    with inbox.database.read() as connection:
        return {shop: number for shop, number in connection.execute(query)}  # noqa: C416 - rows are no pairs


def refused(inbox: Inbox) -> dict[str, int]:
    """Return how many requests of each shop were refused in the last 24 hours. Raises StoreUnavailableError."""
    now, found = inbox.clock(), dict[str, int]()
    first = now // HOUR * HOUR - DAY + HOUR
    for (shop, _), number in activity.totals(inbox, ActivityKind.REFUSAL, first, now + HOUR).items():
        found[shop] = found.get(shop, 0) + number
    return found


def last_orders(inbox: Inbox, topics: Collection[str]) -> dict[str, int]:
    """Return when each shop last sent a webhook of these topics. Raises StoreUnavailableError."""
    found: dict[str, int] = {}
    for one in activity.last_seen(inbox, ActivityKind.TOPIC):
        if one.name in topics:
            found[one.shop] = max(one.last_at, found.get(one.shop, 0))
    return found


def reported(inbox: Inbox, since: int) -> dict[str, Reported]:
    """Return what the comparisons since then (milliseconds) found, by shop. Raises StoreUnavailableError."""
    row = reconciliations.c
    # An expression, or SQLite would go through all of them in the order of their shops.
    shop = (row.shop + literal_column("''")).label("name")
    sums = func.sum(row.listed), func.sum(row.missing)
    query = select(shop, *sums).where(row.ended_at >= since).group_by(shop)
    with inbox.database.read() as connection:
        return {shop: Reported(int(listed), int(missing)) for shop, listed, missing in connection.execute(query)}


def reported_by_day(inbox: Inbox, shop: str, since: int) -> dict[int, Reported]:
    """Return what the comparisons of a shop found, by the day (since 1970 UTC) on which they ended."""
    row = reconciliations.c
    query = select(row.ended_at, row.listed, row.missing).where(row.shop == shop, row.ended_at >= since)
    found: dict[int, Reported] = {}
    with inbox.database.read() as connection:
        for ended_at, listed, missing in connection.execute(query):
            before = found.get(ended_at // DAY, Reported(0, 0))
            found[ended_at // DAY] = Reported(before.listed + listed, before.missing + missing)
    return found
