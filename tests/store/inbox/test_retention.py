"""Retention: after KEEP_BODIES no personal data is left in the whole database."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, delete, select, text, update

from tests.support.deliveries import arrival, claim, claim_one, settle
from tests.support.processes import wait_for
from webhook_app.inbox import Inbox, Selection, State
from webhook_app.inbox.operations import audit_log, operator_actions
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.privacy import dead_bodies
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.inbox.tables import audit, bodies, deliveries
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock

SEEDS = ("zeta.quux@example.test", "Quuxinga van Zeta", "+31 6 12345678")
DAY = 86_400
YEAR = 365 * DAY
SETTLED = {State.DELIVERED, State.IGNORED}
CALL = Call("purchase", "purchase:1", {"ProductKeys": ["1"], "ProfileKey": "0123abcd"})


def everything(inbox: Inbox) -> str:
    """Every value of every row of every table in the database, including tables that the code does not know."""
    tables = MetaData()
    with inbox.database.read() as connection:
        tables.reflect(connection)
        rows = [row for table in tables.sorted_tables for row in connection.execute(select(table))]
    return "\n".join(
        bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
        for row in rows
        for value in row
    )


def found(text: str) -> list[str]:
    return [seed for seed in SEEDS if seed in text]


def test_no_personal_data_is_left_after_keep_bodies(inbox: Inbox, clock: Clock, tmp_path: Path) -> None:
    """Neither in body, headers, call and detail nor, on SQLite, in the files of the open database."""
    body = json.dumps({"email": SEEDS[0], "name": SEEDS[1], "phone": SEEDS[2]}).encode()
    for name in ("delivered", "ignored"):
        inbox.store(arrival(name, body, headers={"x-shopify-topic": "orders/create"}))
    delivered, ignored = claim(inbox, 2)
    assert found(everything(inbox)) == list(SEEDS)
    settle(inbox, delivered, State.DELIVERED, call=CALL)
    settle(inbox, ignored, State.IGNORED, reason="no_profile", detail="A guest's order.")
    clock.move(7 * DAY + 1)
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY)) == (2, 0)
    assert found(everything(inbox)) == []
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    assert found("".join(file.read_bytes().decode("latin-1") for file in files)) == []


@pytest.mark.engines("postgres")
def test_rows_in_use_are_wiped_later(inbox: Inbox, clock: Clock) -> None:
    """A transaction that holds a row, such as a replay, is not waited for, and holds up no other row."""
    for name in ("in use", "free"):
        inbox.store(arrival(name))
        settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    clock.move(7 * DAY + 1)
    with inbox.database.write() as connection, ThreadPoolExecutor(1) as threads:
        held = connection.execute(select(deliveries.c.id).where(deliveries.c.identity == "in use").with_for_update())
        assert len(held.all()) == 1
        sweeping = threads.submit(sweep, inbox, Retention(7 * DAY, 90 * DAY))
        try:
            assert sweeping.result(timeout=10) == (1, 0)
        finally:
            connection.rollback()  # or the thread would wait for ever
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY)) == (1, 0)


def test_unfinished_and_dead_keep_their_body(inbox: Inbox, clock: Clock) -> None:
    """Waiting and dead deliveries are needed until they are sent, replayed or discarded."""
    for name in ("waiting", "dead"):
        inbox.store(arrival(name, json.dumps(SEEDS[0]).encode()))
    waiting, dead = claim(inbox, 2)
    settle(inbox, waiting, State.WAITING, retry_in=3600)
    settle(inbox, dead, State.DEAD)
    clock.move(100 * DAY)
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY)) == (0, 0)
    assert found(everything(inbox)) == [SEEDS[0]]


def content(inbox: Inbox) -> dict[int, tuple[str, bool]]:
    """The state of every delivery, and whether its body is stored."""
    rows = stored_deliveries.newest(inbox, 1000)
    bodies = stored_deliveries.bodies_of(inbox, [row.id for row in rows])
    return {row.id: (row.state, row.id in bodies) for row in rows}


def ignored(inbox: Inbox, number: int) -> None:
    """Store deliveries that are ignored and could be replayed."""
    for name in range(number):
        inbox.store(arrival(f"ignored {name}"))
    for delivery in claim(inbox, number):
        settle(inbox, delivery, State.IGNORED, reason="pending")


@pytest.mark.parametrize("limits", [Retention(7 * DAY, 90 * DAY), Retention(200 * DAY, 7 * DAY)], ids=["body", "row"])
def test_what_is_replayed_meanwhile_is_not_deleted(
    inbox: Inbox, clock: Clock, limits: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone replays a delivery after retention has found it, before it is deleted."""
    ignored(inbox, 3)
    clock.move(8 * DAY)
    write, replayed = type(inbox.database).write, list[int]()

    def after_a_replay(database: object, **options: bool) -> object:
        if not replayed:
            replayed.append(2)
            operator_actions.replay(inbox, [2])
        return write(inbox.database, **options)

    monkeypatch.setattr(type(inbox.database), "write", after_a_replay)
    assert sum(sweep(inbox, limits)) == 2
    assert content(inbox)[2] == ("received", True)
    assert [delivery.body for delivery in claim(inbox, 9)] == [b"{}"]


@pytest.mark.engines("postgres")
def test_replay_waits_for_what_is_being_deleted(inbox: Inbox, clock: Clock, migrated_url: str) -> None:
    """A replay that waits for the transaction that wipes a body does not make the delivery due without it."""
    ignored(inbox, 2)
    with closing(Inbox(migrated_url, clock=clock)) as other, ThreadPoolExecutor() as threads:
        with other.database.write() as connection:
            connection.execute(update(deliveries).where(deliveries.c.id == 1).values(held_since=None))
            connection.execute(delete(bodies).where(bodies.c.delivery_id == 1))
            replaying = threads.submit(operator_actions.replay, inbox, [1, 2])
            wait_for(lambda: waits_for_a_lock(other))
        assert replaying.result() == {2}
    assert content(inbox) == {1: ("ignored", False), 2: ("received", True)}


def waits_for_a_lock(inbox: Inbox) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with inbox.database.read() as connection:
        return bool(connection.execute(text(query)).scalar_one())


def test_a_selection_holds_when_it_is_applied(inbox: Inbox) -> None:
    """What was selected for its reason, and died for another one since, is neither replayed nor discarded."""
    for name in "ab":
        inbox.store(arrival(name))
    for delivery, reason in zip(claim(inbox, 2), ("http_422", "parked_timeout"), strict=True):
        settle(inbox, delivery, State.DEAD, reason=reason)
    chosen = Selection(states=("dead",), reason="http_422")
    assert operator_actions.discard(inbox, [2], "dropped", selection=chosen) == set()
    assert operator_actions.replay(inbox, [1, 2], selection=chosen) == {1}


def test_a_clock_that_was_ahead_stops_nothing(inbox: Inbox, clock: Clock) -> None:
    """What was stored and settled ten years ahead goes one period after the clock is right, all others when due."""
    limits = Retention(7 * DAY, 90 * DAY)
    ignored(inbox, 1)
    clock.move(10 * YEAR)
    inbox.store(arrival("ahead"))
    settle(inbox, claim_one(inbox), State.DELIVERED)
    audit_log.write(inbox, AuditEvent(AuditAction.LOGIN, "a"))
    clock.move(-10 * YEAR)
    inbox.store(arrival("later"))
    settle(inbox, claim_one(inbox), State.DELIVERED)
    audit_log.write(inbox, AuditEvent(AuditAction.LOGIN, "a"))
    assert sweep(inbox, limits) == (0, 0)
    clock.move(8 * DAY)
    assert sweep(inbox, limits) == (3, 0)
    clock.move(83 * DAY)
    assert sweep(inbox, limits) == (0, 3)
    assert (content(inbox), audit_log.newest(inbox)) == ({}, [])


def test_nothing_is_deleted_early_after_a_clock_was_behind(inbox: Inbox, clock: Clock) -> None:
    """Neither what was settled before, nor what was received and settled meanwhile: a repeated webhook is known."""
    limits = Retention(7 * DAY, 90 * DAY)
    ignored(inbox, 1)
    clock.move(-10 * YEAR)
    inbox.store(arrival("behind"))
    settle(inbox, claim_one(inbox), State.DELIVERED)
    sweep(inbox, limits)
    clock.move(10 * YEAR + 3600)
    sweep(inbox, limits)
    assert content(inbox)[1] == ("ignored", True)
    assert inbox.store(arrival("behind")).duplicate


JUMPS = st.sampled_from([0, 60, 3 * DAY, -3 * DAY, 10 * YEAR, -10 * YEAR])
VERBS = st.sampled_from(["store", "deliver", "ignore", "retry", "replay", "sweep"])
STEPS = st.lists(st.tuples(JUMPS, VERBS), max_size=14)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_retention_recovers_from_any_clock(inbox: Inbox, clock: Clock, steps: list[tuple[int, str]]) -> None:
    """Whatever the clock did, what is settled goes when it is right again, and nothing else does.

    After one period, or two where it was ahead by less than a period.
    """
    began, limits = clock.now, Retention(7 * DAY, 90 * DAY)
    with inbox.database.write() as connection:
        for table in (deliveries, bodies, audit):
            connection.execute(delete(table))
    for number, (jump, step) in enumerate(steps):
        clock.move(jump)
        carry_out(inbox, step, str(number), limits)
    longer = any(abs(jump) == 3 * DAY for jump, _ in steps)
    clock.now = began + DAY * 1000
    after(inbox, clock, 8 * DAY, limits, twice=longer)
    left = content(inbox)
    assert all(has_body == (state not in SETTLED) for state, has_body in left.values())
    after(inbox, clock, 91 * DAY, limits, twice=longer)
    assert {state for state, _ in content(inbox).values()}.isdisjoint(SETTLED)
    assert [found for found in content(inbox).items() if found[1][0] not in SETTLED] == [
        found for found in left.items() if found[1][0] not in SETTLED
    ]
    clock.now = began


def after(inbox: Inbox, clock: Clock, seconds: float, limits: Retention, *, twice: bool) -> None:
    """Sweep, and again after so many seconds, once or twice."""
    sweep(inbox, limits)
    for _ in range(1 + twice):
        clock.move(seconds)
        sweep(inbox, limits)


def carry_out(inbox: Inbox, step: str, name: str, limits: Retention) -> None:
    outcomes = {"deliver": State.DELIVERED, "ignore": State.IGNORED, "retry": State.WAITING}
    if step == "store":
        inbox.store(arrival(name))
    elif step == "sweep":
        sweep(inbox, limits)
    elif step == "replay":
        operator_actions.replay(inbox, [*content(inbox)])
    else:
        for delivery in claim(inbox):
            settle(inbox, delivery, outcomes[step])


def test_bodies_of_dead_deliveries_have_a_limit(inbox: Inbox, clock: Clock) -> None:
    """They can be replayed for KEEP_DEAD; the row stays, and is counted as dead."""
    for identity in ("old", "new"):
        inbox.store(arrival(identity))
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_422", call=CALL, answer="No.", attempted=True)
        clock.move(50 * DAY)
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY, 90 * DAY)) == (1, 0)
    old, new = (stored_deliveries.get(inbox, number) for number in (1, 2))
    assert (old.state, old.call, old.answer, stored_deliveries.body(inbox, 1)) == ("dead", None, None, None)
    assert new.call
    assert stored_deliveries.body(inbox, 2)
    assert dead_bodies.count(inbox, clock() + 1) == 1
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY, 90 * DAY)) == (0, 0)
