"""The backlog report, which does not read all deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.reports.backlog import ShopCount, died, first_since, unfinished
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
    assert unfinished(inbox, {"acme"}, range(1, 7)) == [ShopCount("acme", 3, 6)]
    assert unfinished(inbox, {"acme"}, range(5, 6)) == [ShopCount("acme", 1, 5)]
    assert unfinished(inbox, {"other"}, range(1, 7)) == []
