"""Counts, accounting and pages of deliveries, which the dashboard reads, on both engines."""

from __future__ import annotations

import itertools
from contextlib import closing
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from tests.support.deliveries import CALL, arrival, claim, settle
from webhook_app.inbox import Inbox, Selection, State, queue, retention
from webhook_app.inbox.counting import count_check, statistics
from webhook_app.inbox.counting.count_check import CountCheck
from webhook_app.inbox.operations import audit_log, operator_actions
from webhook_app.inbox.reports import accounting, delivery_pages, shop_days, shop_trends, stored_deliveries, time_series
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.tables import deliveries
from webhook_app.inbox.tables import delivery_counts as table
from webhook_app.time_units import HOUR
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from tests.conftest import Clock

IDENTITIES = itertools.count()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of four numbers, so that few rows fill many."""
    monkeypatch.setattr(statistics, "BLOCK", 4)
    monkeypatch.setattr(delivery_pages, "BLOCK", 4)


def store(inbox: Inbox, number: int, **changed: Any) -> list[int]:
    """Store so many deliveries; returns their numbers."""
    return [inbox.store(arrival(str(next(IDENTITIES)), **changed)).id for _ in range(number)]


def finish(inbox: Inbox, clock: Clock, state: State = State.DELIVERED, reason: str = "") -> None:
    """Settle everything that is due, at intervals of two seconds."""
    while due := claim(inbox, 50):
        for delivery in due:
            clock.move(2)
            call = Call("purchase", f"purchase:{delivery.id}", {"ProfileKey": f"profile-{delivery.id}"})
            settle(inbox, delivery, state, reason=reason, call=call if state is State.DELIVERED else None)


def counted(inbox: Inbox) -> dict[tuple[str, str], int]:
    statistics.refresh(inbox, within=None, fresh=0)
    query = select(table.c.state, table.c.reason, func.sum(table.c.number)).group_by(table.c.state, table.c.reason)
    with inbox.database.read() as connection:
        return {(state, reason): int(number) for state, reason, number in connection.execute(query)}


def actual(inbox: Inbox) -> dict[tuple[str, str], int]:
    row = deliveries.c
    query = select(row.state, row.reason, func.count()).group_by(row.state, row.reason)
    with inbox.database.read() as connection:
        return {(state, reason): number for state, reason, number in connection.execute(query)}


def test_counts_equal_the_rows(inbox: Inbox, clock: Clock) -> None:
    """Rows of final blocks that change are counted again."""
    store(inbox, 10)
    assert counted(inbox) == actual(inbox) == {("received", ""): 10}
    finish(inbox, clock)
    store(inbox, 5, topic="orders/paid")
    finish(inbox, clock, State.DEAD, "http_422")
    store(inbox, 20, shop="other")
    finish(inbox, clock, State.IGNORED, "no_profile")
    assert counted(inbox) == actual(inbox)
    assert operator_actions.replay(inbox, [11, 12])
    assert counted(inbox) == actual(inbox)
    assert operator_actions.discard(inbox, [13], "dropped")
    assert counted(inbox) == actual(inbox)
    retention.redact(inbox, [14], "redacted", "By law.")
    assert counted(inbox) == actual(inbox)
    clock.move(100 * 86400)
    assert retention.sweep(inbox, retention.Retention(86400, 90 * 86400))[1] > 25
    assert counted(inbox) == actual(inbox)


def test_final_blocks_are_not_counted_again(inbox: Inbox, clock: Clock) -> None:
    """A row changed without the inbox shows that its block was not read again."""
    store(inbox, 16)
    finish(inbox, clock)
    before = counted(inbox)
    with inbox.database.write() as connection:
        connection.execute(deliveries.update().where(deliveries.c.id == 1).values(reason="forged"))
        connection.execute(deliveries.update().where(deliveries.c.id == 16).values(reason="forged"))
    assert counted(inbox) == {("delivered", ""): 15, ("delivered", "forged"): 1}
    assert before == {("delivered", ""): 16}


@pytest.mark.engines("postgres")
def test_number_that_is_committed_late_is_counted(inbox: Inbox, clock: Clock, migrated_url: str) -> None:
    """PostgreSQL gives out a number early; the transaction may be committed long after those of higher numbers."""
    with closing(Inbox(migrated_url, clock=clock)) as slow, slow.database.write() as connection:
        [[late]] = [queue.store(connection, [arrival("late")], clock.now)]
        store(inbox, 16)
        finish(inbox, clock)
        assert counted(inbox) == {("delivered", ""): 16}
    assert not late.duplicate
    assert count_check.check(inbox).corrected == 0
    assert counted(inbox) == actual(inbox) == {("delivered", ""): 16, ("received", ""): 1}
    finish(inbox, clock)
    assert counted(inbox) == actual(inbox)
    assert sorted(statistics.final_blocks(inbox)) == [0, 1, 2]


@pytest.mark.parametrize("statement", [deliveries.update().values(state="dead"), deliveries.delete()])
@pytest.mark.parametrize("part", [None, range(10**6)], ids=["all", "day"])
def test_counts_are_checked_against_the_rows(inbox: Inbox, clock: Clock, statement: Any, part: range | None) -> None:
    """A final block whose rows are others than were counted is found, reported and counted again."""
    store(inbox, 16)
    finish(inbox, clock)
    counted(inbox)
    assert count_check.check(inbox, part) == CountCheck(16, 0, adds_up=True)
    with inbox.database.write() as connection:
        connection.execute(statement.where(deliveries.c.id.in_([2, 3, 9])))
    with capture_logs() as logged:
        check = count_check.check(inbox, part)
    assert (check.corrected, check.adds_up) == (2, True)
    assert [line["event"] for line in logged] == ["counts_corrected"]
    assert counted(inbox) == actual(inbox)
    assert count_check.check(inbox, part).corrected == 0


def test_final_blocks_are_checked_by_and_by(inbox: Inbox, clock: Clock) -> None:
    """Each time for a moment, those first that were counted longest ago."""
    store(inbox, 24)
    finish(inbox, clock)
    counted(inbox)
    with inbox.database.write() as connection:
        connection.execute(deliveries.delete().where(deliveries.c.id == 9))
    found = []
    for _ in range(5):
        clock.move(1)
        found += count_check.check_some(inbox, 0)
    assert found == [2]
    assert counted(inbox) == actual(inbox)


def test_counting_goes_on_after_a_clock_was_ahead(inbox: Inbox, clock: Clock) -> None:
    """A block that was counted in the future is not fresh until then."""
    store(inbox, 2)
    clock.move(10**8)
    statistics.refresh(inbox)
    clock.move(-(10**8))
    finish(inbox, clock)
    statistics.refresh(inbox, within=None)
    with inbox.database.read() as connection:
        assert connection.execute(select(table.c.state)).scalars().all() == ["delivered"]


def test_waiting_times_count_from_the_replay(inbox: Inbox, clock: Clock) -> None:
    """And none is negative, where the clock was put back meanwhile."""
    store(inbox, 2)
    finish(inbox, clock, State.DEAD)
    clock.move(3 * 86400)
    operator_actions.replay(inbox, [1])
    finish(inbox, clock)
    operator_actions.replay(inbox, [2])
    clock.move(-3600)
    finish(inbox, clock)
    assert time_series.latest_waits(inbox) == [0, 2000]
    statistics.refresh(inbox, within=None)
    with inbox.database.read() as connection:
        assert connection.execute(select(func.sum(table.c.waited))).scalar_one() == 2000


def test_counting_stops_when_its_time_is_up(inbox: Inbox, clock: Clock) -> None:
    """At least one block besides the newest is counted each time, so that counting ends on the slowest machine."""
    store(inbox, 17)
    assert statistics.refresh(inbox, within=0).uncounted == 3
    uncounted = []
    for _ in range(3):
        clock.move(60)
        uncounted.append(statistics.refresh(inbox, within=0).uncounted)
    assert uncounted == [2, 1, 0]


def test_changed_deliveries_have_been_counted(inbox: Inbox, clock: Clock) -> None:
    """A replay has its blocks counted again, after those that were never counted, and no page says they are missing."""
    store(inbox, 12)
    finish(inbox, clock, State.DEAD)
    counted(inbox)
    store(inbox, 6)
    operator_actions.replay(inbox, [1, 2, 3, 5])
    clock.move(60)
    progress = statistics.refresh(inbox, within=0)
    assert (progress.blocks, progress.uncounted) == (5, 0)
    assert counted(inbox) == actual(inbox)


def test_a_change_while_counting_is_not_lost(inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts read before a replay do not overwrite what the replay invalidated."""
    store(inbox, 16)
    finish(inbox, clock, State.IGNORED, "no_profile")
    counted(inbox)
    operator_actions.replay(inbox, [1])
    write = type(inbox.database).write
    done: list[int] = []

    def replayed_meanwhile(database: object) -> object:
        if not done:
            done.append(2)
            operator_actions.replay(inbox, [2])
        return write(inbox.database)

    monkeypatch.setattr(type(inbox.database), "write", replayed_meanwhile)
    statistics.refresh(inbox, within=None, fresh=0)
    monkeypatch.undo()
    monkeypatch.setattr(statistics, "BLOCK", 4)
    assert done
    assert counted(inbox) == actual(inbox)


def test_a_day_adds_up(inbox: Inbox, clock: Clock) -> None:
    """Received is the sum of delivered, ignored, waiting and dead, without other days and shops."""
    clock.now = int(datetime(2026, 11, 26, 23, 59, tzinfo=UTC).timestamp() * 1000)
    store(inbox, 3)
    finish(inbox, clock)
    clock.move(3600)
    store(inbox, 4, topic="orders/paid")
    finish(inbox, clock)
    store(inbox, 2, topic="orders/updated")
    finish(inbox, clock, State.IGNORED, "already_counted")
    store(inbox, 1, topic="refunds/create")
    finish(inbox, clock, State.DEAD, "unreadable")
    store(inbox, 1, topic="orders/create")
    store(inbox, 5, shop="other")
    statistics.refresh(inbox, within=None, fresh=0)
    entries = accounting.of_day(inbox, date(2026, 11, 27), "acme")
    sums = accounting.totals(entries)
    assert sums == accounting.Totals(received=8, delivered=4, ignored=2, waiting=1, dead=1)
    check = count_check.check(inbox, shop_days.span_of(date(2026, 11, 27), "UTC").hours)
    assert (check.compared, check.corrected, check.adds_up) == (16, 0, True)
    assert (sums.settled_share, sums.delivered_share) == (6 / 8, 4 / 6)
    assert [(entry.topic, entry.reason, entry.number) for entry in entries if entry.state == "ignored"] == [
        ("orders/updated", "already_counted", 2)
    ]
    assert accounting.totals(accounting.of_day(inbox, date(2026, 11, 26))).received == 3
    assert accounting.totals([]).settled_share is None


def test_bars_count_what_was_received(inbox: Inbox, clock: Clock) -> None:
    """An hour without deliveries has a bar too, and delivered ones have their mean waiting time."""
    clock.now = 1_795_000_000_000 // HOUR * HOUR
    store(inbox, 2)
    finish(inbox, clock)
    clock.move(2 * 3600)
    store(inbox, 3, shop="other")
    statistics.refresh(inbox, within=None, fresh=0)
    bars = time_series.series(inbox, time_series.span(clock.now, 3, 1)).bars
    assert [dict(bar.states) for bar in bars] == [{"delivered": 2}, {}, {"received": 3}]
    assert [bar.waited for bar in bars] == [3000, None, None]
    counts = time_series.by_shop(inbox, time_series.span(clock.now, 24, 1))
    assert counts == {"acme": {"delivered": 2}, "other": {"received": 3}}
    assert time_series.latest_waits(inbox, ["acme"]) == [2000, 4000]
    assert time_series.percentile([1, 2, 3, 4], 0.5) == 3


@pytest.mark.parametrize("is_counted", [True, False])
def test_pages_show_everything_once(inbox: Inbox, clock: Clock, is_counted: bool) -> None:
    """Page after page, newest first, with and without counts."""
    store(inbox, 11)
    finish(inbox, clock)
    store(inbox, 6, shop="other")
    finish(inbox, clock, State.DEAD, "unreadable")
    store(inbox, 14)
    finish(inbox, clock)
    if is_counted:
        counted(inbox)

    def all_of(wanted: DeliveryFilter) -> list[int]:
        found, below = list[int](), None
        while True:
            page = delivery_pages.page(inbox, wanted, 3, below)
            found += [row.id for row in page.rows]
            if page.older is None:
                return found
            below = page.older

    assert all_of(DeliveryFilter()) == list(range(31, 0, -1))
    assert all_of(DeliveryFilter(Selection(states=("dead",)))) == list(range(17, 11, -1))
    assert all_of(DeliveryFilter(Selection(shop="other", reason="unreadable"))) == list(range(17, 11, -1))
    assert all_of(DeliveryFilter(Selection(shop="other"), platform="woocommerce")) == []
    assert all_of(DeliveryFilter(profile_key="profile-7")) == [7]
    assert all_of(DeliveryFilter(Selection(order="9"))) == [9]
    assert all_of(DeliveryFilter(Selection(order="99"))) == []
    assert all_of(DeliveryFilter(Selection(ids=(5,)))) == [5]
    since = stored_deliveries.get(inbox, 20).received_at
    assert all_of(DeliveryFilter(Selection(since=since))) == list(range(31, 17, -1))


def test_rare_rows_are_found_without_reading_the_rest(
    inbox: Inbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead delivery below many others is on the first page, although a page reads few blocks."""
    store(inbox, 1, topic="orders/paid")
    finish(inbox, clock, State.DEAD, "unreadable")
    store(inbox, 40)
    finish(inbox, clock)
    counted(inbox)
    monkeypatch.setattr(delivery_pages, "MAX_BLOCKS", 3)
    assert [row.id for row in delivery_pages.page(inbox, DeliveryFilter(Selection(states=("dead",))), 5).rows] == [1]
    assert delivery_pages.page(inbox, DeliveryFilter(profile_key="unknown"), 5).older is not None


def test_failed_attempts_are_kept_until_the_row_goes(inbox: Inbox, clock: Clock) -> None:
    """Each has its class and duration, also after a replay; a success only writes its duration into the row."""
    [number] = store(inbox, 1)
    for name, took in (("http_503", 12), ("timeout", 5000)):
        [delivery] = claim(inbox)
        settle(inbox, delivery, State.WAITING, reason=name, failure=name, took=took, attempted=True, call=CALL)
    [delivery] = claim(inbox)
    settle(inbox, delivery, State.DEAD, reason="http_422", failure="http_422", took=7, attempted=True, call=CALL)
    operator_actions.replay(inbox, [number])
    assert stored_deliveries.get(inbox, number).took is None
    [delivery] = claim(inbox)
    settle(inbox, delivery, State.DELIVERED, took=9, attempted=True, call=CALL)
    failed = [(each.claim, each.failure, each.took) for each in audit_log.failed_attempts(inbox, number)]
    assert failed == [(1, "http_503", 12), (2, "timeout", 5000), (3, "http_422", 7)]
    assert stored_deliveries.get(inbox, number).took == 9
    clock.move(100 * 86400)
    retention.sweep(inbox, retention.Retention(1, 86400))
    assert audit_log.failed_attempts(inbox, number) == []


def test_expired_lease_writes_no_attempt(inbox: Inbox, clock: Clock) -> None:
    """The worker that has the lease now writes its own."""
    [number] = store(inbox, 1)
    [late] = claim(inbox)
    clock.move(61)
    assert claim(inbox)
    assert not settle(inbox, late, State.WAITING, reason="timeout", failure="timeout", took=5000, attempted=True)
    assert audit_log.failed_attempts(inbox, number) == []


def test_old_audit_events_are_deleted(inbox: Inbox, clock: Clock) -> None:
    """They are stored as long as rows are."""
    audit_log.write(inbox, audit_log.AuditEvent(audit_log.AuditAction.REPLAY, "a", "s", 7, "x"))
    clock.move(3600)
    audit_log.write(inbox, audit_log.AuditEvent(audit_log.AuditAction.DISCARD, "a", "s", 8))
    assert [entry.action for entry in audit_log.newest(inbox)] == ["drop", "replay"]
    assert [entry.action for entry in audit_log.newest(inbox, 7)] == ["replay"]
    retention.sweep(inbox, retention.Retention(60, 1800))
    assert [entry.action for entry in audit_log.newest(inbox)] == ["drop"]


def test_a_block_that_waits_is_counted_again_when_less_waits(inbox: Inbox, clock: Clock) -> None:
    """A row changed without the inbox shows that blocks were not read again while the same deliveries wait in them."""
    store(inbox, 16)
    for delivery in claim(inbox, 50):
        settle(inbox, delivery, State.WAITING if delivery.id in (2, 6) else State.DELIVERED, reason="", retry_in=60)
    assert counted(inbox) == {("delivered", ""): 14, ("waiting", ""): 2}
    with inbox.database.write() as connection:
        connection.execute(deliveries.update().where(deliveries.c.id.in_([1, 5])).values(reason="forged"))
    clock.move(10)
    assert counted(inbox) == {("delivered", ""): 14, ("waiting", ""): 2}
    clock.move(60)
    [first, _] = claim(inbox, 50)
    settle(inbox, first, State.DEAD, reason="http_422")
    assert counted(inbox) == {
        ("delivered", ""): 13,
        ("delivered", "forged"): 1,
        ("waiting", ""): 1,
        ("dead", "http_422"): 1,
    }


def test_trends_include_what_waits(inbox: Inbox, clock: Clock) -> None:
    """Times of the delivered and failed attempts by class, each once, whatever becomes of a delivery later."""
    store(inbox, 12)
    due = claim(inbox, 50)
    clock.move(3)
    for delivery in due:
        failed = delivery.id % 3 == 0
        state = State.WAITING if failed else State.DELIVERED
        settle(inbox, delivery, state, failure="timeout" if failed else "", attempted=True, retry_in=60)

    def trend() -> tuple[dict[int, int], dict[str, int]]:
        statistics.refresh(inbox, within=None, fresh=0)
        [day] = shop_trends.by_day(inbox, "acme", 0).values()
        return dict(day.waits), dict(day.failures)

    assert trend() == ({5000: 8}, {"timeout": 4})
    clock.move(61)
    for delivery in claim(inbox, 50):
        settle(inbox, delivery, State.DELIVERED, attempted=True)
    assert trend() == ({5000: 8, 300_000: 4}, {"timeout": 4})
    assert shop_trends.by_day(inbox, "other", 0) == {}
