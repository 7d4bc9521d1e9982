"""Following deliveries: what came and what changed since one looked the last time, on either engine."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from webhook_app.inbox.selection import STEP, Selection, pages
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox.delivery import Row
    from webhook_app.inbox.store import Inbox

GAP = 200  # numbers below the highest that are read again: PostgreSQL may show a number after a higher one
MOST_WATCHED = 2000  # unfinished deliveries below those; of more, the newest
MOST_KNOWN = MOST_WATCHED + 4 * GAP
SETTLED = (State.DELIVERED, State.IGNORED, State.DEAD)

Mark = tuple[str, str, int]  # state, reason, attempts


class Follower:
    """Knows what was told; its owner looks now and then. A bell would take workers' wakings away from them."""

    def __init__(self, inbox: Inbox, selection: Selection) -> None:
        """Follow from now on, or from `selection.since`. Raises StoreUnavailableError."""
        self._inbox, self._selection = inbox, selection
        self._meant = selection.without_outcome()
        self._known: dict[int, Mark] = {}
        self._last = 0
        if selection.since is None:
            self._last = self._highest()
            self._known = {row.id: _mark(row) for row in self._rows()}

    def poll(self) -> Iterator[Row]:
        """Yield what is new or has changed, by rising number. Raises StoreUnavailableError."""
        for row in self._rows():
            if self._known.get(row.id) != _mark(row):
                self._known[row.id] = _mark(row)
                if row.state != State.DELIVERING and self._selection.fits_outcome(row):
                    yield row
            self._last = max(self._last, row.id)
            if len(self._known) > MOST_KNOWN:
                self._forget()
        self._forget()

    def _rows(self) -> Iterator[Row]:
        below = self._last - GAP
        watched = [number for number in self._known if number <= below]
        for start in range(0, len(watched), STEP):
            some = Selection(ids=tuple(watched[start : start + STEP]))
            yield from (row for page in pages(self._inbox, some) for row in page)
        yield from (row for page in pages(self._inbox, self._meant, after=max(below, 0)) for row in page)

    def _forget(self) -> None:
        """Of those that are out of sight keep the unfinished, and not too many of them."""
        below = self._last - GAP
        gone = [number for number, mark in self._known.items() if number <= below and mark[0] in SETTLED]
        for number in gone:
            del self._known[number]
        for number in [*islice(sorted(self._known), max(len(self._known) - MOST_WATCHED - GAP, 0))]:
            del self._known[number]

    def _highest(self) -> int:
        with self._inbox.database.reading() as connection:
            return int(connection.execute(select(func.coalesce(func.max(deliveries.c.id), 0))).scalar_one())


def _mark(row: Row) -> Mark:
    return row.state, row.reason, row.attempts
