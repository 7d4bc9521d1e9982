"""The backlog: counts by state, what is unfinished, and since when."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, case, func, select
from sqlalchemy import literal as constant

from webhook_app.inbox import records
from webhook_app.inbox.expressions import literal, waits_since
from webhook_app.inbox.queue import DUE_IMMEDIATELY
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import IS_DEAD, deliveries
from webhook_app.time_units import FUTURE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.store import Inbox
    from webhook_app.throttling.state import Scope, ThrottleState


UNFINISHED = (State.RECEIVED, State.DELIVERING, State.WAITING)
IS_NEW = deliveries.c.due_at == literal(DUE_IMMEDIATELY)
IS_TRIED = deliveries.c.due_at > literal(DUE_IMMEDIATELY)  # or replayed


@dataclass(frozen=True, slots=True)
class ShopBacklog:
    """The unfinished deliveries of a shop; `oldest` is since when one waits, in milliseconds since 1970 UTC."""

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
    """The unfinished deliveries of a shop by state; `first` has waited longest, since `oldest` (milliseconds)."""

    shop: str
    states: Mapping[str, int]
    first: int
    oldest: int


def backlogs(inbox: Inbox) -> list[Backlog]:
    """Return the backlog of each shop; reads the index of unfinished deliveries, and the rows of those tried before.

    Only deliveries that were never tried nor replayed are due at 0, and numbers grow with time.
    """
    row, now = deliveries.c, inbox.clock()
    new = func.count().filter(IS_NEW).label("new"), func.min(row.id).filter(IS_NEW).label("first_new")
    by_shop = select(row.shop, func.min(row.id).label("first"), *new).where(row.due_at.is_not(None))
    others = select(row.shop, row.state, func.count().label("number"), func.min(_not_after(now)).label("since"))
    with inbox.database.read() as connection:
        shops = connection.execute(by_shop.group_by(row.shop).order_by(row.shop)).all()
        states = connection.execute(others.where(IS_TRIED).group_by(row.shop, row.state)).all()
        tried: defaultdict[str, list[Any]] = defaultdict(list)
        for one in states:
            tried[one.shop].append(one)
        new_ones, longest = _first_new(connection, shops, now), _longest(connection, now) if states else {}
    return [_backlog(shop, tried[shop.shop], new_ones.get(shop.shop), longest.get(shop.shop), now) for shop in shops]


def _first_new(connection: Connection, shops: Sequence[Any], now: int) -> dict[str, Any]:
    """Return the first delivery of each shop that was never tried, and is not dated in the future, if there is one."""
    row, numbers = deliveries.c, {shop.first_new: shop.shop for shop in shops if shop.first_new}
    query = select(row.shop, row.received_at, row.id).where(IS_NEW, row.received_at <= now)
    first = connection.execute(query.where(row.id.in_(numbers))).all() if numbers else []
    found: dict[str, Any] = {one.shop: one for one in first}
    for number, shop in numbers.items():
        if shop not in found:
            later = query.where(row.shop == shop, row.id >= number).order_by(row.id).limit(1)
            found[shop] = connection.execute(later).first()
    return found


def _longest(connection: Connection, now: int) -> dict[str, int]:
    """Return the delivery of each shop that has waited longest, of those that were tried."""
    row, since = deliveries.c, _not_after(now)
    oldest = select(row.shop, func.min(since).label("since")).where(IS_TRIED).group_by(row.shop).subquery()
    query = select(row.shop, func.min(row.id)).join(oldest, (oldest.c.shop == row.shop) & (oldest.c.since == since))
    return {shop: number for shop, number in connection.execute(query.where(IS_TRIED).group_by(row.shop))}  # noqa: C416 - rows are no pairs


def _backlog(shop: Any, tried: Sequence[Any], new: Any, longest: int | None, now: int) -> Backlog:
    states = Counter[str](dict.fromkeys(UNFINISHED, 0))
    states.update({State.RECEIVED: shop.new})
    states.update({one.state: one.number for one in tried})
    oldest = min((one.since for one in tried), default=now)
    if new and new.received_at <= oldest:
        return Backlog(shop.shop, states, new.id, new.received_at)
    return Backlog(shop.shop, states, longest or shop.first, oldest)


def _not_after(now: int) -> ColumnElement[int]:
    """Return since when a delivery waits: not in the future, where a clock was ahead."""
    since = waits_since()
    return case((since <= now, since), else_=constant(now, BigInteger))


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

    Numbers grow with time, except for deliveries that were spooled: near enough to count those of a day. Those dated in
    the future, because a clock was ahead, are passed over.
    """
    row, now = deliveries.c, inbox.clock()
    with inbox.database.read() as connection:
        low, high = 0, (connection.execute(select(func.max(row.id))).scalar() or 0) + 1
        while low < high:
            middle = (low + high) // 2
            found = (
                select(row.id, row.received_at)
                .where(row.id >= middle, row.received_at <= now)
                .order_by(row.id)
                .limit(1)
            )
            first = connection.execute(found).first()
            low, high = (low, middle) if first is None or first.received_at >= moment else (first.id + 1, high)
    return low


def died(inbox: Inbox, shops: Collection[str], since: int, numbers: range | None = None) -> list[ShopCount]:
    """Count the deliveries of `shops` that became dead since then (milliseconds), within `numbers` if given."""
    row, future = deliveries.c, inbox.clock() + FUTURE
    return _counts(inbox, [IS_DEAD, row.shop.in_(shops), row.settled_at.between(since, future)], numbers)


def unfinished(inbox: Inbox, shops: Collection[str], numbers: range, replayed_before: int) -> list[ShopCount]:
    """Count the unfinished deliveries of `shops` within `numbers`, but not those replayed or ready only since."""
    row = deliveries.c
    not_replayed = row.replayed_at.is_(None) | (row.replayed_at < replayed_before)
    is_ready = row.ready_at.is_(None) | (row.ready_at < replayed_before)
    return _counts(inbox, [row.due_at.is_not(None), row.shop.in_(shops), not_replayed, is_ready], numbers)


def lapsed(inbox: Inbox, shops: Collection[str]) -> list[ShopCount]:
    """Count the unfinished deliveries of `shops` that were claimed by a worker that stopped."""
    row = deliveries.c
    return _counts(inbox, [row.due_at.is_not(None), IS_TRIED, row.shop.in_(shops), row.lapses > 0], None)


def _counts(inbox: Inbox, conditions: list[ColumnElement[bool]], numbers: range | None) -> list[ShopCount]:
    row = deliveries.c
    if numbers is not None:
        conditions = [*conditions, row.id >= numbers.start, row.id < numbers.stop]
    query = select(row.shop, func.count().label("count"), func.max(row.id).label("newest")).where(*conditions)
    with inbox.database.read() as connection:
        return records.read(connection, ShopCount, query.group_by(row.shop).order_by(row.shop))


def summary(inbox: Inbox, shop: str | None = None) -> InboxSummary:
    """Summarise the inbox, or what it has of one shop; reads the states of all rows."""
    row, now = deliveries.c, inbox.clock()
    dead_reason = case((row.state == State.DEAD, row.reason), else_="").label("dead_reason")
    by_state = select(row.state, dead_reason, func.count().label("number")).group_by(row.state, dead_reason)
    by_shop = select(row.shop, func.count().label("count"), func.min(_not_after(now)).label("oldest"))
    by_shop = by_shop.where(row.due_at.is_not(None)).group_by(row.shop).order_by(row.shop)
    if shop is not None:
        by_state, by_shop = by_state.where(row.shop == shop), by_shop.where(row.shop == shop)
    with inbox.database.read() as connection:
        counted = connection.execute(by_state).all()
        shops = records.read(connection, ShopBacklog, by_shop)
    states: Counter[str] = Counter()
    for found in counted:
        states[found.state] += found.number
    dead = {found.dead_reason: found.number for found in counted if found.state == State.DEAD}
    return InboxSummary(now, dict(states), dead, tuple(shops), inbox.throttles())
