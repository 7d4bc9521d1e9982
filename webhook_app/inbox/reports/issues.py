"""Dead deliveries of equal cause: one reason and one text, whatever numbers and values differ in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.reports.failure_texts import signature
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import State

if TYPE_CHECKING:
    from webhook_app.inbox.delivery import Row
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
    wanted = DeliveryFilter(Selection(states=(State.DEAD.value,)), shops=shops)
    groups: dict[str, Issue] = {}
    below, read = None, 0
    while read < MOST:
        page = delivery_pages.page(inbox, wanted, STEP, below)
        for row in page.rows:
            _add(groups, row)
        read, below = read + len(page.rows), page.older
        if below is None:
            break
    ordered = sorted(groups.values(), key=lambda one: (-one.count, -one.last))
    return Issues(ordered, complete=below is None)


def _add(groups: dict[str, Issue], row: Row) -> None:
    name, at = signature(row), row.settled_at or row.received_at
    groups.setdefault(name, Issue(name, row, at, at)).add(row)
