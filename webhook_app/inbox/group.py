"""Group commit: threads that arrive together share one transaction and one fsync."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class _Ticket(Generic[T, R]):
    """One thread's item, and later its result or the error of the whole group."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.result: R
        self.error: BaseException | None = None


class GroupCommit(Generic[T, R]):
    """Commits what several threads submit at about the same time in one go.

    There is no thread of its own: the first that gets the lead commits for all that wait, and the others find their
    work done when they get it. (A dedicated writer thread was measured to be slower.)
    """

    def __init__(self, commit: Callable[[Sequence[T]], Sequence[R]]) -> None:
        """`commit` gets the items of a group and returns a result for each, in the same order."""
        self._commit = commit
        self._waiting: deque[_Ticket[T, R]] = deque()
        self._lead = threading.Lock()

    def submit(self, item: T) -> R:
        """Return once `item` is committed; raises what `commit` raised for its group."""
        ticket: _Ticket[T, R] = _Ticket(item)
        self._waiting.append(ticket)
        with self._lead:
            if not ticket.done:
                self._commit_group()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _commit_group(self) -> None:
        group = [self._waiting.popleft() for _ in range(len(self._waiting))]
        try:
            results = self._commit([ticket.item for ticket in group])
        except BaseException as error:  # noqa: BLE001 - every thread of the group must hear of it
            for ticket in group:
                ticket.error, ticket.done = error, True
        else:
            for ticket, result in zip(group, results, strict=True):
                ticket.result, ticket.done = result, True
