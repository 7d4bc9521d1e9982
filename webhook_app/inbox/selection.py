"""Selects deliveries by number or by common properties, and reads them page by page."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, or_, select

from webhook_app.inbox import records
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.states import Verb, sources
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox

STEP = 200  # rows a page; a page is changed in one transaction, and webhooks are accepted between two

COLUMNS = tuple(records.columns_of(Row, deliveries))
HAS_BODY = exists(select(bodies.c.delivery_id).where(bodies.c.delivery_id == deliveries.c.id))


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over deliveries; an empty field filters nothing.

    `reason_prefixes` lists what the reason may start with; `since` (included) and `until` (excluded) limit when a
    delivery was received, in milliseconds since 1970 UTC.
    """

    ids: tuple[int, ...] = ()
    shop: str | None = None
    topic: str | None = None
    states: tuple[str, ...] = ()
    reason: str | None = None
    reason_prefixes: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row of `deliveries` must meet, all of them."""
        row = deliveries.c
        filters: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
            (self.ids, row.id.in_),
            (self.shop, row.shop.__eq__),
            (self.topic, row.topic.__eq__),
            (self.states, row.state.in_),
            (self.reason, row.reason.__eq__),
            (self.reason_prefixes, _starts_with),
            (self.since, row.received_at.__ge__),
            (self.until, row.received_at.__lt__),
        ]
        return [condition(value) for value, condition in filters if value not in (None, ())]

    def without_outcome(self) -> Selection:
        """Return the same filter without state and reason, which change."""
        return replace(self, states=(), reason=None, reason_prefixes=())

    def fits_outcome(self, row: Row) -> bool:
        """Tell whether the state and reason of `row` pass this filter."""
        right_state = not self.states or row.state in self.states
        right_reason = self.reason in (None, row.reason)
        right_prefix = not self.reason_prefixes or row.reason.startswith(self.reason_prefixes)
        return right_state and right_reason and right_prefix


def _starts_with(reason_prefixes: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(deliveries.c.reason.startswith(text, autoescape=True) for text in reason_prefixes))


ALL_DELIVERIES = Selection()


@dataclass(frozen=True, slots=True)
class SelectionCounts:
    """How many deliveries a selection holds, and to how many of them a verb applies."""

    total: int
    allowed: int  # in a state that the verb starts from
    with_body: int  # of these, those whose body is stored
    last: int  # the highest number in the selection, 0 where it is empty


def count_for(inbox: Inbox, selection: Selection, verb: Verb) -> SelectionCounts:
    """Count the deliveries of `selection`, and those to which `verb` applies."""
    allowed = deliveries.c.state.in_(sources(verb))
    query = select(
        func.count().label("total"),
        func.count().filter(allowed).label("allowed"),
        func.count().filter(and_(allowed, HAS_BODY)).label("with_body"),
        func.coalesce(func.max(deliveries.c.id), 0).label("last"),
    )
    query = query.select_from(deliveries).where(*selection.conditions())
    with inbox.database.read() as connection:
        [counts] = records.read(connection, SelectionCounts, query)
    return counts


def size(inbox: Inbox, selection: Selection) -> int:
    """Count the deliveries of `selection`."""
    query = select(func.count()).select_from(deliveries).where(*selection.conditions())
    with inbox.database.read() as connection:
        return int(connection.execute(query).scalar_one())


def pages(inbox: Inbox, selection: Selection, step: int = STEP, after: int = 0) -> Iterator[list[Row]]:
    """Yield the deliveries of `selection` above number `after` in ascending order, at most `step` at a time."""
    last = after
    while page := _page(inbox, selection, last, step):
        yield page
        last = page[-1].id


def stored_content(inbox: Inbox, ids: Iterable[int]) -> dict[int, tuple[dict[str, str], bytes]]:
    """Return the stored headers and raw bodies of `ids`, without those that were wiped."""
    query = select(bodies.c.delivery_id, bodies.c.headers, bodies.c.body).where(bodies.c.delivery_id.in_([*ids]))
    with inbox.database.read() as connection:
        return {row.delivery_id: (json.loads(row.headers), row.body) for row in connection.execute(query)}


def headers_of(inbox: Inbox, ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """Return the stored headers of `ids`, without those that were wiped."""
    query = select(bodies.c.delivery_id, bodies.c.headers).where(bodies.c.delivery_id.in_([*ids]))
    with inbox.database.read() as connection:
        return {row.delivery_id: json.loads(row.headers) for row in connection.execute(query)}


def _page(inbox: Inbox, selection: Selection, after: int, step: int) -> list[Row]:
    query = select(*COLUMNS).where(deliveries.c.id > after, *selection.conditions())
    with inbox.database.read() as connection:
        return records.read(connection, Row, query.order_by(deliveries.c.id).limit(step))
