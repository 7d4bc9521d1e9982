"""Group commit: threads that arrive together share one transaction and one fsync."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.engines import deadlines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

NO_ANSWER = "the database has not answered in time"


class _Ticket(Generic[T, R]):
    """The item of one thread, and later its result or the error of its whole group."""

    def __init__(self, item: T, deadline: float) -> None:
        self.item, self.deadline = item, deadline
        self.leads = False
        self.result: R
        self.error: BaseException | None = None
        self.done = threading.Lock()  # released when there is a result, or when this thread is to lead
        self.done.acquire()


class GroupCommit(Generic[T, R]):
    """Commits the items that several threads submit at about the same time in one transaction.

    There is no dedicated thread: the first to arrive is the leader, commits for all that wait, makes the first of those
    that arrived meanwhile the next leader, and releases its group with their results. (A dedicated writer thread was
    measured to be slower, and so was a lock held by the leader: every finished thread had to pass it before the next
    group could begin.)
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        gather: Callable[[], None] = lambda: None,
        after_commit: Callable[[], None] = lambda: None,
        within: Callable[[], float | None] = lambda: None,
        committed: Callable[[Sequence[T], Sequence[R]], None] = lambda _items, _results: None,
    ) -> None:
        """`commit` gets the items of a group and returns a result for each, in the same order.

        `gather` is called before it: green threads, which only run while another one waits, submit their items then.
        `after_commit` is called when all but the leader have their results and the next group has begun.
        `committed` gets a group and its results immediately after its commit, and raises nothing.
        `within` returns how many seconds a submission may take in all, None where there is no limit.
        """
        self._commit, self._gather, self._after_commit, self._within = commit, gather, after_commit, within
        self._committed = committed
        self._waiting: list[_Ticket[T, R]] = []
        self._has_leader = False
        self._mutex = threading.Lock()

    def submit(self, item: T) -> R:
        """Return once `item` is committed; raises what `commit` raised for its group.

        Raises StoreUnavailableError after `within`, when it may be committed all the same.
        """
        within = self._within()
        ticket: _Ticket[T, R] = _Ticket(item, math.inf if within is None else time.monotonic() + within)
        with self._mutex:
            self._waiting.append(ticket)
            ticket.leads, self._has_leader = not self._has_leader, True
        if not ticket.leads:
            self._await(ticket)
        if not ticket.leads:
            return self._result(ticket)
        with deadlines.until(ticket.deadline):
            self._lead()
            result = self._result(ticket)
            self._after_commit()
        return result

    @staticmethod
    def _result(ticket: _Ticket[T, R]) -> R:
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _await(self, ticket: _Ticket[T, R]) -> None:
        """Wait until there is a result, or until this thread is to lead. Raises StoreUnavailableError."""
        seconds = ticket.deadline - time.monotonic()
        if ticket.done.acquire(timeout=-1 if math.isinf(seconds) else max(seconds, 0)):
            return
        with self._mutex:
            if ticket in self._waiting and not ticket.leads:
                self._waiting.remove(ticket)
            elif ticket.leads or not ticket.done.locked():
                return
        raise StoreUnavailableError(NO_ANSWER)

    def _lead(self) -> None:
        self._gather()
        with self._mutex:
            group, self._waiting = self._waiting, []
        try:
            items = [ticket.item for ticket in group]
            results = self._commit(items)
            self._committed(items, results)
        except BaseException as error:  # noqa: BLE001 - it is raised again in every thread of the group
            for ticket in group:
                ticket.error = error
        else:
            for ticket, result in zip(group, results, strict=True):
                ticket.result = result
        self._appoint_leader()
        for ticket in group:
            if not ticket.leads:  # a leader waits no more; appointed as its wait ended, it does not even hold its lock
                ticket.done.release()

    def _appoint_leader(self) -> None:
        """Make the first waiting thread the leader; without one, the next to arrive becomes it."""
        with self._mutex:
            self._has_leader = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].done.release()
