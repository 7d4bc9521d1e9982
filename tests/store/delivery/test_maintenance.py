"""What a worker does once a minute: nothing is deleted just because the clock was set forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from schemas.order_reference import OrderReference
from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.delivery.maintenance import Maintenance
from webhook_app.inbox import Selection, State
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention
from webhook_app.tweakwise.retry_policy import Policy

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

DAY = 86_400
YEARS = 10 * 365 * DAY


def read_order(_platform: str, _topic: str, body: bytes) -> OrderReference:
    """Read the order of a body, which is its number."""
    return OrderReference("1", body.decode())


class Machine:
    """A machine whose time passes, and whose clock can be set."""

    def __init__(self, inbox: Inbox, clock: Clock) -> None:
        """Its maintenance has run once."""
        self.clock, self.up = clock, 1000.0
        policy, retention = Policy(5, 3600, 72 * 3600), Retention(7 * DAY, 90 * DAY)
        self.maintenance = Maintenance(inbox, policy, retention, read_order, lambda: self.up)
        self.maintenance.once()

    def run(self, seconds: float) -> None:
        """Let time pass, then maintain."""
        self.up += seconds
        self.clock.move(seconds)
        self.maintenance.once()


@pytest.fixture
def machine(inbox: Inbox, clock: Clock) -> Machine:
    """A machine with a delivery that was settled a moment ago."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED)
    return Machine(inbox, clock)


def test_old_rows_are_deleted(inbox: Inbox, machine: Machine) -> None:
    """With time passing as usual."""
    machine.run(91 * DAY)
    assert stored_deliveries.counts(inbox) == {}


def test_a_clock_that_is_ahead_deletes_nothing(inbox: Inbox, clock: Clock, machine: Machine) -> None:
    """It has a day to be corrected; then everything goes on at once."""
    clock.move(YEARS)
    with capture_logs() as logged:
        machine.run(60)
        machine.run(DAY / 2)
    assert [line["event"] for line in logged] == ["retention_postponed"]
    assert stored_deliveries.body(inbox, 1)
    clock.move(-YEARS)
    machine.run(60)
    assert stored_deliveries.body(inbox, 1)
    machine.run(8 * DAY)
    assert not stored_deliveries.body(inbox, 1)
    machine.run(91 * DAY)
    assert stored_deliveries.counts(inbox) == {}


def test_a_clock_that_stays_is_believed(inbox: Inbox, clock: Clock, machine: Machine) -> None:
    """After a day: a machine that was asleep looks the same."""
    clock.move(91 * DAY)
    machine.run(60)
    assert stored_deliveries.counts(inbox) == {"delivered": 1}
    machine.run(DAY)
    assert stored_deliveries.counts(inbox) == {}


def test_orders_of_older_deliveries_are_read(inbox: Inbox, machine: Machine) -> None:
    """Also of what no worker has settled since; each is read once."""
    inbox.store(arrival("received", b"#7"))
    machine.run(60)
    assert [row.order_name for row in stored_deliveries.newest(inbox, 2, Selection(order="7"))] == ["#7"]


@pytest.mark.engines("sqlite", "postgres")
def test_deliveries_are_counted_before_a_page_asks(
    inbox: Inbox, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page counts two blocks; thousands of others would take thousands of pages."""
    monkeypatch.setattr(statistics, "BLOCK", 2)
    inbox.store_all([arrival(str(number)) for number in range(2, 20)])
    machine.run(60)
    assert statistics.refresh(inbox, within=0).uncounted == 0
