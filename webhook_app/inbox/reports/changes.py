"""Follows deliveries: what is new and what has changed since the last poll, on either engine."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from webhook_app.inbox.reports.stored_deliveries import STEP, pages
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.inbox.delivery import Row
    from webhook_app.inbox.store import Inbox

GAP = 200  # numbers below the highest that are read again: PostgreSQL may commit a number after a higher one
MAX_WATCHED = 2000  # unfinished deliveries below those that are read again; of more, the newest
MAX_KNOWN = MAX_WATCHED + 4 * GAP
SETTLED = (State.DELIVERED, State.IGNORED, State.DEAD)

Outcome = tuple[str, str, int]  # state, reason, attempts


class Follower:
    """Remembers what it has yielded, and is polled. Listening would take notifications away from the workers."""

    def __init__(self, inbox: Inbox, selection: Selection) -> None:
        """Follow from now, or from `selection.since`. Raises StoreUnavailableError."""
        self._inbox, self._selection = inbox, selection
        self._selected = selection.without_outcome()
        self._known: dict[int, Outcome] = {}
        self._last = 0
        if selection.since is None:
            self._last = self._highest()
            self._known = {row.id: _outcome(row) for row in self._rows()}

    def poll(self) -> Iterator[Row]:
        """Yield what is new or has changed, in ascending order. Raises StoreUnavailableError."""
        for row in self._rows():
            if self._known.get(row.id) != _outcome(row):
                self._known[row.id] = _outcome(row)
                if row.state != State.DELIVERING and self._selection.fits_outcome(row):
                    yield row
            self._last = max(self._last, row.id)
            if len(self._known) > MAX_KNOWN:
                self._forget()
        self._forget()

    def _rows(self) -> Iterator[Row]:
        below = self._last - GAP
        watched = [number for number in self._known if number <= below]
        for start in range(0, len(watched), STEP):
            some = Selection(ids=tuple(watched[start : start + STEP]))
            yield from (row for page in pages(self._inbox, some) for row in page)
        yield from (row for page in pages(self._inbox, self._selected, after=max(below, 0)) for row in page)

    def _forget(self) -> None:
        """Of the deliveries that are not read again by number, remember the unfinished, up to MAX_WATCHED."""
        below = self._last - GAP
        settled = [number for number, (state, *_) in self._known.items() if number <= below and state in SETTLED]
        for number in settled:
            del self._known[number]
        for number in [*islice(sorted(self._known), max(len(self._known) - MAX_WATCHED - GAP, 0))]:
            del self._known[number]

    def _highest(self) -> int:
        with self._inbox.database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(deliveries.c.id), 0))).scalar_one())


def _outcome(row: Row) -> Outcome:
    return row.state, row.reason, row.attempts
