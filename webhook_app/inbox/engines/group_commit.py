"""Group commit: threads that arrive together share one transaction and one fsync."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


class _Ticket(Generic[T, R]):
    """One thread's item, and later its result or the error of the whole group."""

    def __init__(self, item: T) -> None:
        self.item = item
        self.leads = False
        self.result: R
        self.error: BaseException | None = None
        self.called = threading.Lock()
        self.called.acquire()


class GroupCommit(Generic[T, R]):
    """Commits what several threads submit at about the same time in one go.

    There is no thread of its own: the first that comes leads, commits for all that wait, wakes each of them with its
    result and the next leader with the lead. (A dedicated writer thread was measured to be slower, and so was a lock
    for the lead: everybody whose work was done had to pass it before the next group could begin.)
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        gather: Callable[[], None] = lambda: None,
        tell: Callable[[], None] = lambda: None,
    ) -> None:
        """`commit` gets the items of a group and returns a result for each, in the same order.

        `gather` is called before: green threads, which only run when another one waits, come together in it. `tell` is
        called after a commit, when all but the leader have their results and the next group has begun.
        """
        self._commit, self._gather, self._tell = commit, gather, tell
        self._waiting: list[_Ticket[T, R]] = []
        self._led = False
        self._mutex = threading.Lock()

    def submit(self, item: T) -> R:
        """Return once `item` is committed; raises what `commit` raised for its group."""
        ticket: _Ticket[T, R] = _Ticket(item)
        with self._mutex:
            self._waiting.append(ticket)
            ticket.leads, self._led = not self._led, True
        if not ticket.leads:
            ticket.called.acquire()
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        if ticket.leads:
            self._tell()
        return ticket.result

    def _lead(self) -> None:
        self._gather()
        with self._mutex:
            group, self._waiting = self._waiting, []
        try:
            results = self._commit([ticket.item for ticket in group])
        except BaseException as error:  # noqa: BLE001 - every thread of the group must hear of it
            for ticket in group:
                ticket.error = error
        else:
            for ticket, result in zip(group, results, strict=True):
                ticket.result = result
        self._pass_on()
        for ticket in group:
            ticket.called.release()

    def _pass_on(self) -> None:
        """Give the lead to the first that came meanwhile; whoever comes later finds it led, or takes it."""
        with self._mutex:
            self._led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.release()
