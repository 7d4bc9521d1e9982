"""Dead deliveries of equal cause: one reason and one text, whatever numbers and values differ in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column, select

from webhook_app import green_threads
from webhook_app.inbox import records
from webhook_app.inbox.delivery import Row
from webhook_app.inbox.reports.failure_texts import signature
from webhook_app.inbox.reports.stored_deliveries import COLUMNS
from webhook_app.inbox.tables import IS_DEAD, deliveries

if TYPE_CHECKING:
    from sqlalchemy import Select

    from webhook_app.inbox.store import Inbox

MOST = 3000  # of the newest dead deliveries that are grouped
STEP = 500


@dataclass(slots=True)
class Issue:
    """Dead deliveries of one cause; `sample` is the newest. Times are when they died, in milliseconds since 1970."""

    signature: str
    sample: Row
    first: int
    last: int
    shops: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many deliveries there are."""
        return self.shops.total()

    def add(self, row: Row) -> None:
        """Add a delivery, older than those before."""
        at = row.settled_at or row.received_at
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.shops[row.shop] += 1


@dataclass(frozen=True, slots=True)
class Issues:
    """The issues, those of most deliveries first; `complete`: all dead deliveries are in one."""

    issues: list[Issue]
    complete: bool


def open_issues(inbox: Inbox, shops: tuple[str, ...] | None) -> Issues:
    """Group the newest dead deliveries of these shops (None: of all). Raises StoreUnavailableError."""
    groups: dict[str, Issue] = {}
    with inbox.database.read() as connection:
        ids = connection.execute(_newest_dead(shops)).scalars().all()
        for start in range(0, len(ids[:MOST]), STEP):
            some = deliveries.c.id.in_(ids[start : start + STEP])
            query = select(*COLUMNS).where(some, IS_DEAD).order_by(deliveries.c.id.desc())
            for row in records.read(connection, Row, query):
                _add(groups, row)
            green_threads.yield_control()
    ordered = sorted(groups.values(), key=lambda one: (-one.count, -one.last))
    return Issues(ordered, complete=len(ids) <= MOST)


def _newest_dead(shops: tuple[str, ...] | None) -> Select[Any]:
    """Select numbers by the index of dead deliveries alone: in the order of the table, all others would be read."""
    row = deliveries.c
    query = select(row.id).where(IS_DEAD).order_by((row.id + literal_column("0")).desc()).limit(MOST + 1)
    return query if shops is None else query.where(row.shop.in_(shops))


def _add(groups: dict[str, Issue], row: Row) -> None:
    name, at = signature(row), row.settled_at or row.received_at
    groups.setdefault(name, Issue(name, row, at, at)).add(row)
