"""The backlog: counts by state, what is unfinished, and since when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, select

from webhook_app.inbox import records
from webhook_app.inbox.expressions import literal
from webhook_app.inbox.queue import DUE_IMMEDIATELY
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import IS_DEAD, deliveries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox
    from webhook_app.throttling.state import Scope, ThrottleState


UNFINISHED = (State.RECEIVED, State.DELIVERING, State.WAITING)


@dataclass(frozen=True, slots=True)
class ShopBacklog:
    """The unfinished deliveries of a shop; `oldest` is when the first was received, in milliseconds since 1970 UTC."""

    shop: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class InboxSummary:
    """Counts by state, of the dead also by reason, the unfinished by shop, and every throttle."""

    at: int  # milliseconds since 1970 UTC
    states: Mapping[str, int]
    dead: Mapping[str, int]
    unfinished: tuple[ShopBacklog, ...]
    throttles: Mapping[Scope, ThrottleState]

    @property
    def oldest_age(self) -> float:
        """The age of the oldest unfinished delivery in seconds; 0 where there is none."""
        oldest = min((shop.oldest for shop in self.unfinished), default=self.at)
        return max(self.at - oldest, 0) / 1000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The unfinished deliveries of a shop by state; `first` is the oldest, received at `oldest` (milliseconds)."""

    shop: str
    states: Mapping[str, int]
    first: int
    oldest: int


def backlogs(inbox: Inbox) -> list[Backlog]:
    """Return the backlog of each shop; reads the index of unfinished deliveries, and the rows of those tried before.

    Only deliveries that were never tried are due at 0, and numbers grow with time.
    """
    row = deliveries.c
    unfinished = row.due_at.is_not(None)
    untried = func.count().filter(row.due_at == literal(DUE_IMMEDIATELY))
    by_shop = select(row.shop, untried.label("untried"), func.min(row.id).label("first")).where(unfinished)
    tried = select(row.shop, row.state, func.count().label("number"))
    tried = tried.where(unfinished, row.due_at > literal(DUE_IMMEDIATELY))
    with inbox.database.read() as connection:
        shops = connection.execute(by_shop.group_by(row.shop).order_by(row.shop)).all()
        states = connection.execute(tried.group_by(row.shop, row.state)).all()
        received = select(row.id, row.received_at).where(row.id.in_([shop.first for shop in shops]))
        oldest = {found.id: found.received_at for found in connection.execute(received)}
    return [
        Backlog(shop.shop, _by_state(shop, states), shop.first, oldest.get(shop.first, inbox.clock())) for shop in shops
    ]


def _by_state(shop: Any, states: Sequence[Any]) -> dict[str, int]:
    """Merge the counts of a shop: `states` has those that were tried before, of all shops."""
    tried = {found.state: found.number for found in states if found.shop == shop.shop}
    return {**dict.fromkeys(UNFINISHED, 0), **tried, State.RECEIVED: shop.untried}


def dead(inbox: Inbox) -> dict[str, int]:
    """Count the dead deliveries of each shop, from their index."""
    row = deliveries.c
    query = select(row.shop, func.count().label("number")).where(IS_DEAD).group_by(row.shop).order_by(row.shop)
    with inbox.database.read() as connection:
        return {found.shop: found.number for found in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class ShopCount:
    """A number of deliveries of a shop, and the newest of them."""

    shop: str
    count: int
    newest: int


def first_since(inbox: Inbox, moment: int) -> int:
    """Return the number of the first delivery that was received then or later, by binary search.

    Numbers grow with time except for deliveries that were spooled: near enough to count those of a day.
    """
    row = deliveries.c
    with inbox.database.read() as connection:
        low, high = 0, (connection.execute(select(func.max(row.id))).scalar() or 0) + 1
        while low < high:
            middle = (low + high) // 2
            found = select(row.id, row.received_at).where(row.id >= middle).order_by(row.id).limit(1)
            first = connection.execute(found).first()
            low, high = (low, middle) if first is None or first.received_at >= moment else (first.id + 1, high)
    return low


def died(inbox: Inbox, shops: Collection[str], since: int, numbers: range | None = None) -> list[ShopCount]:
    """Count the deliveries of `shops` that became dead since then (milliseconds), within `numbers` if given."""
    row = deliveries.c
    return _counts(inbox, [IS_DEAD, row.shop.in_(shops), row.settled_at >= since], numbers)


def unfinished(inbox: Inbox, shops: Collection[str], numbers: range) -> list[ShopCount]:
    """Count the unfinished deliveries of `shops` within `numbers`; reads only an index."""
    return _counts(inbox, [deliveries.c.due_at.is_not(None), deliveries.c.shop.in_(shops)], numbers)


def _counts(inbox: Inbox, conditions: list[ColumnElement[bool]], numbers: range | None) -> list[ShopCount]:
    row = deliveries.c
    if numbers is not None:
        conditions = [*conditions, row.id >= numbers.start, row.id < numbers.stop]
    query = select(row.shop, func.count().label("count"), func.max(row.id).label("newest")).where(*conditions)
    with inbox.database.read() as connection:
        return records.read(connection, ShopCount, query.group_by(row.shop).order_by(row.shop))


def summary(inbox: Inbox) -> InboxSummary:
    """Summarise the inbox; reads the states of all rows."""
    row = deliveries.c
    dead_reason = case((row.state == State.DEAD, row.reason), else_="").label("dead_reason")
    by_state = select(row.state, dead_reason, func.count().label("number")).group_by(row.state, dead_reason)
    by_shop = select(row.shop, func.count().label("count"), func.min(row.received_at).label("oldest"))
    by_shop = by_shop.where(row.due_at.is_not(None)).group_by(row.shop).order_by(row.shop)
    with inbox.database.read() as connection:
        counted = connection.execute(by_state).all()
        shops = records.read(connection, ShopBacklog, by_shop)
    states: Counter[str] = Counter()
    for found in counted:
        states[found.state] += found.number
    dead = {found.dead_reason: found.number for found in counted if found.state == State.DEAD}
    return InboxSummary(inbox.clock(), dict(states), dead, tuple(shops), inbox.throttles())
