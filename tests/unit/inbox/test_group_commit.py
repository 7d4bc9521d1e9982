"""Group commit with a time limit: no submission waits longer, whatever happens to the groups before its own."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.engines import deadlines
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
