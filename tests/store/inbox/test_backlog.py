"""The backlog report, which does not read all deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.operations.operator_actions import replay
from webhook_app.inbox.reports.backlog import ShopCount, backlogs, died, first_since, summary, unfinished
from webhook_app.inbox.retries import retry_now
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from tests.conftest import Clock


@pytest.mark.parametrize("deleted", [set(), {1}, {5}, {10}, {3, 4, 5, 6}, set(range(1, 11))])
def test_first_since(inbox: Inbox, clock: Clock, deleted: set[int]) -> None:
    """The first delivery from a moment on is found, also where others were deleted."""
    began = clock.now
    for number in range(1, 11):
        clock.now = began + 10 * number
        inbox.store(arrival(str(number)))
    with inbox.database.write() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(deleted)))
    left = [number for number in range(1, 11) if number not in deleted]
    for moment in range(0, 120, 5):
        found = first_since(inbox, began + moment)
        assert [n for n in left if n >= found] == [n for n in left if 10 * n >= moment]


def test_counts_within_a_range(inbox: Inbox, clock: Clock) -> None:
    """Dead and unfinished deliveries are counted by shop within a range, with the newest of them."""
    for number in range(1, 7):
        inbox.store(arrival(str(number)))
    for _ in range(3):
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    assert died(inbox, {"acme", "other"}, clock.now) == [ShopCount("acme", 3, 3)]
    assert died(inbox, {"acme"}, clock.now, range(2, 3)) == [ShopCount("acme", 1, 2)]
    assert died(inbox, {"acme"}, clock.now + 1) == died(inbox, {"other"}, clock.now) == []
    assert unfinished(inbox, {"acme"}, range(1, 7), clock.now) == [ShopCount("acme", 3, 6)]
    assert unfinished(inbox, {"acme"}, range(5, 6), clock.now) == [ShopCount("acme", 1, 5)]
    assert unfinished(inbox, {"other"}, range(1, 7), clock.now) == []


def test_age_counts_from_the_replay(inbox: Inbox, clock: Clock) -> None:
    """A delivery that is replayed after three days waits since then, through claim, release and retry."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DEAD)
    clock.move(3 * 86400)
    replay(inbox, [1])
    replayed = clock.now
    for step in (inbox.release, lambda claimed: settle(inbox, claimed[0], State.WAITING, retry_in=5)):
        clock.move(10)
        assert [(one.oldest, one.states["received"]) for one in backlogs(inbox)] == [(replayed, 1)]
        claimed = claim_one(inbox)
        assert claimed.waits_since == replayed
        assert (
            [one.oldest for one in backlogs(inbox)] == [one.oldest for one in summary(inbox).unfinished] == [replayed]
        )
        step([claimed])
    assert [(one.oldest, one.states["waiting"]) for one in backlogs(inbox)] == [(replayed, 1)]
    assert summary(inbox).oldest_age == 20


def test_replayed_ones_hide_none_that_waits_longer(inbox: Inbox, clock: Clock) -> None:
    """Numbers grow with time, but the lowest number may have been replayed a moment ago; new ones are sent first."""
    for number in range(3):
        inbox.store(arrival(str(number)))
        settle(inbox, claim_one(inbox), State.IGNORED)
    began = clock.now
    inbox.store(arrival("waits"))
    clock.move(3600)
    replay(inbox, [1, 2, 3])
    assert [(one.first, one.oldest, one.states["received"]) for one in backlogs(inbox)] == [(4, began, 4)]
    assert claim_one(inbox).id == 4


@pytest.mark.parametrize("state", [State.RECEIVED, State.WAITING])
def test_dates_in_the_future_hide_none(inbox: Inbox, clock: Clock, state: State) -> None:
    """What was stored while the clock was ahead counts as now."""
    clock.move(10**8)
    inbox.store(arrival("ahead"))
    if state is State.WAITING:
        settle(inbox, claim_one(inbox), State.WAITING, retry_in=5)
    clock.move(-(10**8))
    assert [(one.first, one.oldest) for one in backlogs(inbox)] == [(1, clock.now)]
    assert summary(inbox).oldest_age == 0
    inbox.store(arrival("now"))
    clock.move(3600)
    assert [(one.first, one.oldest) for one in backlogs(inbox)] == [(2, clock.now - 3_600_000)]
    assert summary(inbox).oldest_age == 3600


def test_deaths_in_the_future_are_no_news(inbox: Inbox, clock: Clock) -> None:
    """What died while the clock was ahead is not reported again every minute until then."""
    inbox.store(arrival())
    clock.move(10**8)
    settle(inbox, claim_one(inbox), State.DEAD)
    assert [one.count for one in died(inbox, {"acme"}, clock.now - 1)] == [1]
    clock.move(-(10**8))
    assert died(inbox, {"acme"}, clock.now - 1) == []


def test_first_since_passes_over_dates_in_the_future(inbox: Inbox, clock: Clock) -> None:
    """A time at which the clock was ahead does not make yesterday begin there."""
    began = clock.now
    for number in range(1, 41):
        clock.now = began + 10 * number + (10**11 if 5 <= number < 25 else 0)
        inbox.store(arrival(str(number)))
    assert first_since(inbox, began + 300) == 30


def test_a_first_attempt_in_the_future_is_now(inbox: Inbox, clock: Clock) -> None:
    """Or else the delivery would be retried until then, and RETRY_FOR longer."""
    inbox.store(arrival())
    clock.move(10**8)
    settle(inbox, claim_one(inbox), State.WAITING, attempted=True)
    clock.move(-(10**8))
    retry_now(inbox, "acme")
    settle(inbox, claim_one(inbox), State.WAITING, attempted=True)
    assert claim_one(inbox).first_attempt_at == clock.now
