"""Group commit with a time limit: no submission waits longer, whatever happens to the groups before its own."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import wait_for
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.engines import deadlines, group_commit
from webhook_app.inbox.engines.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_waiting_behind_a_stuck_group_ends() -> None:
    """Those that wait for the group in progress give up in time; the next to come is not held up by them."""
    stuck, committed = threading.Event(), list[int]()

    def commit(items: Sequence[int]) -> Sequence[int]:
        if 1 in items:
            stuck.wait(20)
        committed.extend(items)
        return items

    group = GroupCommit(commit, within=lambda: 0.2)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(group.submit, 1)
        time.sleep(0.05)
        for later in [threads.submit(group.submit, number) for number in (2, 3)]:
            with pytest.raises(StoreUnavailableError):
                later.result(10)
        stuck.set()
        assert first.result(10) == 1
    assert group.submit(4) == 4
    assert committed == [1, 4]


class _LateLock:
    """A lock with which a wait of limited time ends without it at the moment at which it is released."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.release, self.locked = self._lock.release, self._lock.locked

    def acquire(self, timeout: float | None = None) -> bool:
        if timeout is None:
            return self._lock.acquire()
        if self._lock.acquire(timeout=2):
            self._lock.release()
        return False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_leader_appointed_as_its_time_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It commits for its group, and each of them gets its result."""
    first, arrived = threading.Event(), list[int]()

    def commit(items: Sequence[int]) -> Sequence[int]:
        if 1 in items:
            first.wait(20)
        return items

    def within() -> float:
        arrived.append(1)
        return 20.0

    monkeypatch.setattr(group_commit, "threading", SimpleNamespace(Lock=_LateLock))
    group = GroupCommit(commit, within=within)
    with ThreadPoolExecutor(3) as threads:
        submitted = []
        for number in (1, 2, 3):
            submitted.append(threads.submit(group.submit, number))
            wait_for(lambda number=number: len(arrived) == number)  # type: ignore[misc]
            time.sleep(0.05)
        first.set()
        assert [one.result(10) for one in submitted] == [1, 2, 3]


def test_leader_has_what_is_left_of_its_time() -> None:
    """What a leader waited before it leads counts too."""
    left: list[float] = []

    def commit(items: Sequence[int]) -> Sequence[int]:
        left.append(deadlines.seconds_left(5))
        return items

    GroupCommit(commit, within=lambda: 1.0).submit(1)
    GroupCommit(commit).submit(1)
    assert deadlines.AT_LEAST <= left[0] <= 1
    assert left[1] == 5


def test_an_operation_gets_a_little_time_after_the_deadline() -> None:
    """The spool is tried after the database used up the time."""
    with deadlines.until(time.monotonic() - 10):
        assert deadlines.seconds_left(5) == deadlines.AT_LEAST
    assert deadlines.seconds_left(5) == 5
