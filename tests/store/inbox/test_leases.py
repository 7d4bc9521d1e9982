"""One clock for leases, and what a clock that was ahead leaves behind."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.support.deliveries import arrival, claim, claim_one, settle
from webhook_app.config.settings import MAX_LEASE
from webhook_app.inbox import Inbox, State, leases
from webhook_app.inbox.operations import active_alerts
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import HOUR, now_ms

if TYPE_CHECKING:
    from tests.conftest import Clock

APART = 5 * HOUR


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> int:
    """The clock of this machine is hours ahead, as a server's may be that is far away."""
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + APART * 1_000_000)
    return right() // 1_000_000


@pytest.mark.engines("postgres")
def test_the_clock_of_the_server_counts(migrated_url: str, apart: int) -> None:
    """Arrivals, leases, retries and tasks are timed by the server, whatever this machine's clock shows."""
    with closing(Inbox(migrated_url, lease=60)) as inbox:
        inbox.store(arrival())
        delivery = claim_one(inbox)
        assert apart <= delivery.received_at < apart + HOUR
        assert apart + 60_000 <= delivery.due_at < apart + HOUR
        assert apart <= inbox.poll().now < apart + HOUR
        settle(inbox, delivery, State.WAITING, reason="connect", retry_in=30, attempted=True)
        assert apart <= stored_deliveries.get(inbox, 1).due_at < apart + HOUR  # type: ignore[operator]
        assert active_alerts.take_lease(inbox, 60, 180)
        assert not active_alerts.take_lease(inbox, 60, 180)
        assert abs(inbox.clock() - apart) < HOUR


@pytest.mark.engines("sqlite")
def test_a_claim_that_waited_for_the_lock_has_its_whole_lease(inbox: Inbox, clock: Clock) -> None:
    """The time is read under the write lock."""
    inbox.store(arrival())
    claiming = threading.Thread(target=lambda: inbox.claim({"acme": 1}))
    with inbox.database.write():
        claiming.start()
        time.sleep(0.1)
        clock.move(30)
    claiming.join()
    assert stored_deliveries.get(inbox, 1).due_at == clock.now + 60_000


def test_a_lease_that_expired_is_left_to_its_owner(inbox: Inbox, clock: Clock) -> None:
    """It is claimed only if it expired before the time that the claimer names; new deliveries are claimed anyway."""
    inbox.store(arrival("a"))
    leased = claim_one(inbox)
    clock.move(61)
    inbox.store(arrival("b"))
    assert [one.id for one in inbox.claim({"acme": 5}, abandoned_before=leased.due_at - 1)] == [2]
    assert [one.id for one in inbox.claim({"acme": 5}, abandoned_before=leased.due_at)] == [1]


@pytest.mark.parametrize("behind", [0.02, 5, 300, MAX_LEASE - 60])
def test_no_lease_is_taken_from_a_worker_that_may_live(migrated_url: str, clock: Clock, behind: float) -> None:
    """A clock that is behind, or another LEASE, shortens nothing that the longest lease allowed could explain."""
    with (
        closing(Inbox(migrated_url, lease=60, clock=clock)) as inbox,
        closing(Inbox(migrated_url, lease=15, clock=lambda: clock.now - int(behind * 1000))) as other,
    ):
        inbox.store(arrival())
        delivery = claim_one(inbox)
        assert leases.correct(other) == 0
        assert stored_deliveries.get(inbox, 1).due_at == delivery.due_at


def test_a_clock_that_was_ahead_strands_nothing(inbox: Inbox, clock: Clock) -> None:
    """Once the clock is right again, leases of the time when it was ahead end within LEASE, and not at once."""
    for name in "abc":
        inbox.store(arrival(name))
    clock.move(10 * 365 * 86400)
    assert len(claim(inbox, 2)) == 2
    clock.move(-10 * 365 * 86400)
    assert leases.correct(inbox) == 2
    assert leases.correct(inbox) == 0
    assert [one.id for one in claim(inbox, 5)] == [3]
    clock.move(60)
    assert [one.id for one in claim(inbox, 5)] == [1, 2, 3]


def test_only_leases_are_corrected(inbox: Inbox, clock: Clock) -> None:
    """A retry that is due later than any lease stays."""
    inbox.store(arrival())
    with inbox.database.write() as connection:
        connection.execute(update(deliveries).values(state="waiting", due_at=clock.now + 2 * int(MAX_LEASE * 1000)))
    assert leases.correct(inbox) == 0


@pytest.mark.engines("postgres")
def test_the_clock_before_the_first_connection() -> None:
    """Without a connection there is no other clock than this machine's."""
    with closing(Inbox("postgres://none@127.0.0.1:1/none")) as inbox:
        assert abs(inbox.clock() - now_ms()) < HOUR
