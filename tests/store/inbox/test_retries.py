"""Bringing retries forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim, settle
from webhook_app.inbox import Inbox, State, retries

if TYPE_CHECKING:
    from tests.conftest import Clock

HOUR = 3600.0  # seconds


def waiting(inbox: Inbox, number: int, seconds: float, shop: str = "acme") -> None:
    """Store deliveries that wait for a retry."""
    for index in range(number):
        inbox.store(arrival(f"{shop}-{seconds}-{index}", shop=shop))
    for delivery in claim(inbox, number):
        settle(inbox, delivery, State.WAITING, reason="http_429", retry_in=seconds)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several transactions for a few deliveries."""
    monkeypatch.setattr(retries, "STEP", 2)


@pytest.mark.usefixtures("small_steps")
def test_all_that_wait_are_due(inbox: Inbox) -> None:
    """Those of the shop, and no other's; a second time there is nothing to do."""
    waiting(inbox, 5, HOUR)
    waiting(inbox, 1, HOUR, shop="other")
    assert retries.retry_now(inbox, "acme") == 5
    assert retries.retry_now(inbox, "acme") == 0
    assert len(claim(inbox, 10)) == 5


def test_only_impossible_waits_are_corrected(inbox: Inbox) -> None:
    """A delivery that an earlier version put off for days is due; one with a usual delay is not."""
    waiting(inbox, 1, 72 * HOUR)
    waiting(inbox, 1, HOUR, shop="other")
    assert retries.correct(inbox, HOUR) == 1
    assert [delivery.shop for delivery in claim(inbox, 10)] == ["acme"]


def test_leases_are_left_alone(inbox: Inbox, clock: Clock) -> None:
    """A delivery that is being sent has a lease, not a retry."""
    inbox.store(arrival())
    [delivery] = claim(inbox)
    clock.move(-30 * 86_400)
    assert retries.correct(inbox, 1.0) == 0
    assert settle(inbox, delivery, State.DELIVERED)
