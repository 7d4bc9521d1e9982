"""How it stands with all deliveries together: counts, what is unfinished, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select

from webhook_app.inbox.engines.statements import fixed
from webhook_app.inbox.queue import AT_ONCE
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import IS_DEAD, deliveries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox
    from webhook_app.throttling.state import Scope, ThrottleState


UNFINISHED = (State.RECEIVED, State.DELIVERING, State.WAITING)


@dataclass(frozen=True, slots=True)
class ShopBacklog:
    """What one shop has unfinished; `oldest` is when the first of it was received, in milliseconds since 1970 UTC."""

    shop: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class InboxSummary:
    """Counts by state, those of the dead by reason too, what is unfinished by shop, and every throttle."""

    at: int  # milliseconds since 1970 UTC
    states: Mapping[str, int]
    dead: Mapping[str, int]
    unfinished: tuple[ShopBacklog, ...]
    throttles: Mapping[Scope, ThrottleState]

    @property
    def oldest_age(self) -> float:
        """How long the oldest unfinished delivery has been here, in seconds; 0 where nothing is unfinished."""
        oldest = min((shop.oldest for shop in self.unfinished), default=self.at)
        return max(self.at - oldest, 0) / 1000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What one shop has unfinished by state; `first` is the oldest of it, received at `oldest` (milliseconds)."""

    shop: str
    states: Mapping[str, int]
    first: int
    oldest: int


def backlogs(inbox: Inbox) -> list[Backlog]:
    """Return what each shop has unfinished; reads only the index of that, and the rows of what waits or is leased.

    Only what was received and never tried is due at 0, and numbers grow with time.
    """
    row = deliveries.c
    unfinished = row.due_at.is_not(None)
    untried = func.count().filter(row.due_at == fixed(AT_ONCE))
    by_shop = select(row.shop, untried, func.min(row.id)).where(unfinished).group_by(row.shop).order_by(row.shop)
    tried = select(row.shop, row.state, func.count()).where(unfinished, row.due_at > fixed(AT_ONCE))
    with inbox.database.reading() as connection:
        shops = connection.execute(by_shop).all()
        states = connection.execute(tried.group_by(row.shop, row.state)).all()
        received = select(row.id, row.received_at).where(row.id.in_([first for _, _, first in shops]))
        oldest: dict[int, int] = dict(map(tuple, connection.execute(received)))
    return [
        Backlog(
            shop,
            {**dict.fromkeys(UNFINISHED, 0), **{s: n for of, s, n in states if of == shop}, State.RECEIVED: untried},
            first,
            oldest.get(first, inbox.clock()),
        )
        for shop, untried, first in shops
    ]


def dead(inbox: Inbox) -> dict[str, int]:
    """Count the dead of each shop, from their own index."""
    row = deliveries.c
    query = select(row.shop, func.count()).where(IS_DEAD).group_by(row.shop).order_by(row.shop)
    with inbox.database.reading() as connection:
        return dict(map(tuple, connection.execute(query)))


@dataclass(frozen=True, slots=True)
class ShopCount:
    """How many deliveries of a shop are meant, and the newest of them."""

    shop: str
    count: int
    newest: int


def first_since(inbox: Inbox, moment: int) -> int:
    """Return the number of the first delivery that was received then or later, found by halving.

    Numbers grow with time, but for those that were spooled meanwhile: near enough for whoever counts a day's.
    """
    row = deliveries.c
    with inbox.database.reading() as connection:
        low, high = 0, (connection.execute(select(func.max(row.id))).scalar() or 0) + 1
        while low < high:
            middle = (low + high) // 2
            found = select(row.id, row.received_at).where(row.id >= middle).order_by(row.id).limit(1)
            number, received_at = connection.execute(found).first() or (high, moment)
            low, high = (low, middle) if received_at >= moment else (number + 1, high)
    return low


def died(inbox: Inbox, shops: Collection[str], since: int, numbers: range | None = None) -> list[ShopCount]:
    """Return how many of `shops` died since then (milliseconds), of `numbers` alone where they are given."""
    row = deliveries.c
    return _some(inbox, [IS_DEAD, row.shop.in_(shops), row.settled_at >= since], numbers)


def unfinished(inbox: Inbox, shops: Collection[str], numbers: range) -> list[ShopCount]:
    """Return how many of `shops` are unfinished, of `numbers` alone; reads the index of what is, and no row."""
    return _some(inbox, [deliveries.c.due_at.is_not(None), deliveries.c.shop.in_(shops)], numbers)


def _some(inbox: Inbox, conditions: list[ColumnElement[bool]], numbers: range | None) -> list[ShopCount]:
    row = deliveries.c
    if numbers is not None:
        conditions = [*conditions, row.id >= numbers.start, row.id < numbers.stop]
    query = select(row.shop, func.count(), func.max(row.id)).where(*conditions).group_by(row.shop).order_by(row.shop)
    with inbox.database.reading() as connection:
        return [ShopCount(*found) for found in connection.execute(query)]


def summary(inbox: Inbox) -> InboxSummary:
    """Look at everything once; reads the states of all rows."""
    row = deliveries.c
    why = case((row.state == State.DEAD, row.reason), else_="").label("why")
    by_state = select(row.state, why, func.count()).group_by(row.state, why)
    by_shop = select(row.shop, func.count(), func.min(row.received_at)).where(row.due_at.is_not(None))
    with inbox.database.reading() as connection:
        counted = connection.execute(by_state).all()
        shops = connection.execute(by_shop.group_by(row.shop).order_by(row.shop)).all()
    states: dict[str, int] = {}
    for state, _, count in counted:
        states[state] = states.get(state, 0) + count
    dead = {reason: count for state, reason, count in counted if state == State.DEAD}
    return InboxSummary(inbox.clock(), states, dead, tuple(ShopBacklog(*shop) for shop in shops), inbox.throttles())
