"""The inbox on either engine: a delivery is stored once, leased once, settled once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import update

from tests.support.deliveries import CALL, arrival, claim, claim_one, purchase, settle, view
from webhook_app.errors import StoreUnavailableError, UnknownDeliveryError
from webhook_app.inbox import Inbox, Selection, Settlement, State, StoreResult, migrate, queue, retention
from webhook_app.inbox.engines.group_commit import GroupCommit
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention
from webhook_app.inbox.tables import deliveries, metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Clock


# Storing


def test_stored_bytes_come_back_unchanged(inbox: Inbox) -> None:
    """A worker gets the body that was received, byte for byte."""
    body = bytes(range(256)) * 20
    inbox.store(arrival(body=body))
    assert claim_one(inbox).body == body


def test_same_identity_is_stored_once(inbox: Inbox) -> None:
    """A delivery that arrives again has the number of the stored one."""
    first, second = inbox.store(arrival("a")), inbox.store(arrival("a"))
    assert (first.duplicate, second.duplicate) == (False, True)
    assert first.id == second.id


def test_identity_is_per_shop(inbox: Inbox) -> None:
    """Two shops may use the same identity."""
    assert inbox.store(arrival("a", shop="one")).id != inbox.store(arrival("a", shop="two")).id


def test_identity_outlives_the_body(inbox: Inbox, clock: Clock) -> None:
    """A delivery whose body was wiped is still a known one."""
    first = inbox.store(arrival("a"))
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    clock.move(8 * 86400)
    assert retention.sweep(inbox, Retention(7 * 86400, 90 * 86400)) == (1, 0)
    assert inbox.store(arrival("a")) == StoreResult(first.id, duplicate=True)


def test_what_an_earlier_version_stored_is_a_duplicate(inbox: Inbox) -> None:
    """A delivery that was stored under its former identity is found by it, and another one is not."""
    first, other = inbox.store(arrival("an-id")), inbox.store(arrival("another", former_identity="another-id"))
    assert inbox.store(arrival("a-digest", former_identity="an-id")) == StoreResult(first.id, duplicate=True)
    assert not inbox.store(arrival("a-digest", former_identity="an-id", shop="other")).duplicate
    assert not inbox.store(arrival("third", former_identity="another-id")).duplicate
    assert inbox.store(arrival("another", former_identity="an-id")).id in {first.id, other.id}


def test_same_group_stores_once(inbox: Inbox) -> None:
    """Identical deliveries that arrive at the same moment are stored once."""
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda _: inbox.store(arrival("same")), range(64)))
    assert len({one.id for one in results}) == 1
    assert sum(not one.duplicate for one in results) == 1


def test_many_threads_lose_nothing(inbox: Inbox) -> None:
    """Every delivery is stored under a number of its own."""
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda n: inbox.store(arrival(str(n))), range(400)))
    assert len({one.id for one in results}) == 400
    assert stored_deliveries.counts(inbox) == {"received": 400}


def test_unmigrated_database_is_unavailable(database_url: str) -> None:
    """A database without tables is a StoreUnavailableError, which the receiver answers with 503."""
    bare = Inbox(database_url)
    with pytest.raises(StoreUnavailableError, match=r"there is no database|does not exist"):
        bare.store(arrival())
    bare.close()


def test_error_carries_no_body(database_url: str) -> None:
    """An error has none of the values that were sent."""
    bare = Inbox(database_url)
    with pytest.raises(StoreUnavailableError) as caught:
        bare.store(arrival(body=b"jan@example.test", identity="jan@example.test"))
    assert "jan@example.test" not in str(caught.value)
    bare.close()


# Claiming and leases


def test_claim_takes_those_due_longest(inbox: Inbox, clock: Clock) -> None:
    """Deliveries are claimed in the order in which they became due."""
    for name in "abc":
        inbox.store(arrival(name))
        clock.move(1)
    assert [delivery.id for delivery in claim(inbox, 2)] == [1, 2]


def test_claimed_is_not_claimed_again(inbox: Inbox) -> None:
    """A leased delivery is not leased again."""
    inbox.store(arrival())
    claim(inbox, 1)
    assert claim(inbox, 1) == []


def test_threads_never_share_a_claim(inbox: Inbox) -> None:
    """However many threads claim at once, each delivery goes to one."""
    for number in range(100):
        inbox.store(arrival(str(number)))
    with ThreadPoolExecutor(8) as threads:
        claimed = [delivery.id for group in threads.map(lambda _: claim(inbox, 7), range(20)) for delivery in group]
    assert sorted(claimed) == list(range(1, 101))


def test_expired_lease_is_claimable(inbox: Inbox, clock: Clock) -> None:
    """A killed worker loses nothing; its expired lease is counted."""
    inbox.store(arrival())
    claim_one(inbox)
    clock.move(59)
    assert claim(inbox, 1) == []
    clock.move(2)
    again = claim_one(inbox)
    assert (again.claims, again.lapses) == (2, 1)


def test_settling_resets_lapses(inbox: Inbox, clock: Clock) -> None:
    """Only leases that expire in a row count against a delivery."""
    inbox.store(arrival())
    claim_one(inbox)
    clock.move(61)
    settle(inbox, claim_one(inbox), State.WAITING)
    assert claim_one(inbox).lapses == 0


def test_redaction_wins_over_a_call_under_way(inbox: Inbox) -> None:
    """A worker that was sending while the delivery was redacted cannot store its call again."""
    inbox.store(arrival())
    delivery = claim_one(inbox)
    retention.redact(inbox, [delivery.id], "redacted", "")
    assert not settle(inbox, delivery, State.DELIVERED, call=CALL)
    row = stored_deliveries.get(inbox, delivery.id)
    assert (row.state, row.call) == ("ignored", None)


def test_late_settlement_is_refused(inbox: Inbox, clock: Clock) -> None:
    """A worker whose lease expired cannot overwrite the outcome of the one that has it now."""
    inbox.store(arrival())
    late = claim_one(inbox)
    clock.move(61)
    current = claim_one(inbox)
    assert not settle(inbox, late, State.DEAD)
    assert settle(inbox, current, State.DELIVERED)


def test_released_is_claimable_at_once(inbox: Inbox) -> None:
    """A worker that stops releases what it has not sent."""
    inbox.store(arrival())
    inbox.release(claim(inbox, 1))
    assert stored_deliveries.get(inbox, 1).state == State.RECEIVED
    assert claim_one(inbox).lapses == 0


def test_release_after_the_lease_does_nothing(inbox: Inbox, clock: Clock) -> None:
    """Releasing what another worker has leased changes nothing."""
    inbox.store(arrival())
    late = claim(inbox, 1)
    clock.move(61)
    claim(inbox, 1)
    inbox.release(late)
    assert stored_deliveries.get(inbox, 1).state == State.DELIVERING


def test_waiting_is_claimable_when_due(inbox: Inbox, clock: Clock) -> None:
    """A retry is claimed when it is due and not before."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.WAITING, reason="connect", retry_in=30, attempted=True)
    clock.move(29)
    assert claim(inbox, 1) == []
    assert [queue.due_at for queue in inbox.queues()] == [clock.now + 1000]
    clock.move(1)
    assert claim_one(inbox).attempts == 1


def test_first_attempt_stays(inbox: Inbox, clock: Clock) -> None:
    """The time of the first attempt stays, from which the retry period counts."""
    inbox.store(arrival())
    began = clock.now
    for _ in range(2):
        settle(inbox, claim_one(inbox), State.WAITING, retry_in=10, attempted=True)
        clock.move(10)
    assert claim_one(inbox).first_attempt_at == began


@pytest.mark.parametrize("state", [State.DELIVERED, State.IGNORED, State.DEAD])
def test_settled_is_never_claimed(inbox: Inbox, clock: Clock, state: State) -> None:
    """A settled delivery is never claimed again."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), state)
    clock.move(10**6)
    assert claim(inbox, 1) == []
    assert inbox.queues() == []


@pytest.mark.parametrize("state", [State.RECEIVED, State.DELIVERING])
def test_settles_only_along_the_transitions(inbox: Inbox, state: State) -> None:
    """A state that settling cannot lead to is refused."""
    inbox.store(arrival())
    with pytest.raises(ValueError, match=state):
        settle(inbox, claim_one(inbox), state)


def test_settled_twice_counts_once(inbox: Inbox) -> None:
    """A second settlement of the same claim is refused."""
    inbox.store(arrival())
    delivery = claim_one(inbox)
    assert settle(inbox, delivery, State.DELIVERED)
    assert not settle(inbox, delivery, State.DEAD)


# Business keys


def test_business_key_has_one_owner(inbox: Inbox) -> None:
    """Of two deliveries of one order the first owns the key, and the second gets the number of the owner."""
    for name in "ab":
        inbox.store(arrival(name))
    first, second = claim(inbox, 2)
    assert inbox.reserve([(first, purchase("purchase:1")), (second, purchase("purchase:1"))]) == {
        first.id: first.id,
        second.id: first.id,
    }


def test_owner_may_reserve_again(inbox: Inbox) -> None:
    """A retry owns its key already."""
    inbox.store(arrival())
    delivery = claim_one(inbox)
    for _ in range(2):
        assert inbox.reserve([(delivery, purchase("purchase:1"))]) == {delivery.id: delivery.id}


@pytest.mark.parametrize(
    ("seconds", "owned"),
    [
        ([0, 1], [True, False]),
        ([0, 4.999], [True, False]),
        ([0, 5], [True, True]),
        ([0, 3, 6], [True, False, True]),
        ([0, 3, 6, 9], [True, False, True, False]),
        ([10, 0], [True, True]),
        ([10, 6], [True, False]),
        ([0, 0, 0], [True, False, False]),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_view_repeated_within_seconds_is_one_view(
    inbox: Inbox, seconds: list[float], owned: list[bool], together: bool
) -> None:
    """What counts is when each was received, whether one worker claims them together or several do in any order."""
    for number, second in enumerate(seconds):
        inbox.store(arrival(str(number), received_at=1_000_000 + int(second * 1000)))
    calls = [(delivery, view("pageview:1", within=5)) for delivery in claim(inbox, 9)]
    groups = [calls] if together else [[call] for call in calls]
    owners = {number: owner for group in groups for number, owner in inbox.reserve(group).items()}
    assert [owners[delivery.id] == delivery.id for delivery, _ in calls] == owned


def test_a_view_keeps_its_key_for_its_retries(inbox: Inbox) -> None:
    """The delivery that has it finds it again, and another view of that moment does not get it."""
    inbox.store(arrival("a", received_at=1_000_000))
    inbox.store(arrival("b", received_at=1_001_000))
    first, second = claim(inbox, 2)
    for _ in range(2):
        assert inbox.reserve([(first, view("v", 5))]) == {first.id: first.id}
        assert inbox.reserve([(second, view("v", 5))]) == {second.id: first.id}


def test_business_keys_are_per_shop(inbox: Inbox) -> None:
    """Order 1 of one shop is not order 1 of another."""
    inbox.store(arrival(shop="one"))
    inbox.store(arrival(shop="two"))
    first, second = claim(inbox, 2)
    owners = inbox.reserve([(first, purchase("purchase:1")), (second, purchase("purchase:1"))])
    assert owners == {first.id: first.id, second.id: second.id}


@pytest.mark.parametrize(("keeps_key", "owner"), [(False, 2), (True, 1)])
def test_dead_delivery_frees_its_key_unless_it_may_have_counted(inbox: Inbox, keeps_key: bool, owner: int) -> None:
    """The order's next delivery counts it when the dead one surely did not."""
    for name in "ab":
        inbox.store(arrival(name))
    first, second = claim(inbox, 2)
    inbox.reserve([(first, CALL)])
    settle(inbox, first, State.DEAD, call=CALL, keeps_key=keeps_key)
    assert inbox.reserve([(second, CALL)]) == {second.id: owner}


# Replaying, looking


@pytest.mark.parametrize(("state", "allowed"), [(State.DEAD, True), (State.IGNORED, True), (State.DELIVERED, False)])
def test_replay_follows_the_table(inbox: Inbox, state: State, allowed: bool) -> None:
    """Dead and ignored ones may be replayed; a delivered one would be counted twice."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), state, reason="why", attempted=True)
    assert operator_actions.replay(inbox, [1]) == ({1} if allowed else set())
    assert [delivery.attempts for delivery in claim(inbox, 1)] == ([0] if allowed else [])


def test_replay_needs_the_body(inbox: Inbox) -> None:
    """Without its body a delivery cannot be translated again."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.IGNORED, wipes=True)
    assert operator_actions.replay(inbox, [1]) == set()


def test_unknown_delivery(inbox: Inbox) -> None:
    """A number without a delivery is reported as unknown."""
    with pytest.raises(UnknownDeliveryError):
        stored_deliveries.get(inbox, 7)
    assert operator_actions.replay(inbox, [7]) == set()


def test_newest_filters(inbox: Inbox) -> None:
    """The list has the newest first, and only what was selected."""
    for name, shop in (("a", "one"), ("b", "two"), ("c", "one")):
        inbox.store(arrival(name, shop=shop))
    assert [row.id for row in stored_deliveries.newest(inbox, 10, Selection(shop="one"))] == [3, 1]
    assert [row.id for row in stored_deliveries.newest(inbox, 1)] == [3]
    assert stored_deliveries.newest(inbox, 10, Selection(states=("dead",), topic="orders/create")) == []


def test_row_has_the_call(inbox: Inbox) -> None:
    """The call that was sent can be read later."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL, attempted=True)
    row = stored_deliveries.get(inbox, 1)
    assert (row.call, row.event, row.business_key) == ('{"ProductKeys":["1"],"ProfileKey":"k"}', "purchase", CALL.key)


def test_answer_may_hold_anything(inbox: Inbox) -> None:
    """An answer or a detail that contains a NUL does not prevent settling."""
    inbox.store(arrival())
    texts = {"answer": "a\0b", "detail": "c\0d"}
    assert settle(inbox, claim_one(inbox), State.DEAD, reason="http_400", attempted=True, **texts)
    row = stored_deliveries.get(inbox, 1)
    assert (row.answer, row.detail) == ("a\ufffdb", "c\ufffdd")


# Retention


def test_sweep_keeps_what_is_new_or_needed(inbox: Inbox, clock: Clock) -> None:
    """Bodies of unfinished and dead deliveries stay, however old; so do their rows."""
    for name in "abcd":
        inbox.store(arrival(name))
    first, second, *_ = claim(inbox, 4)
    settle(inbox, first, State.DEAD)
    settle(inbox, second, State.DELIVERED)
    clock.move(100 * 86400)
    inbox.store(arrival("new"))
    assert retention.sweep(inbox, Retention(7 * 86400, 90 * 86400)) == (1, 1)
    assert [row.id for row in stored_deliveries.newest(inbox, 10)] == [5, 4, 3, 1]
    assert all(stored_deliveries.body(inbox, number) for number in (1, 3, 4, 5))


def test_sweep_takes_many_steps(inbox: Inbox, clock: Clock) -> None:
    """One sweep deletes more than one step's rows."""
    total = retention.STEP * 2 + 7
    for number in range(total):
        inbox.store(arrival(str(number)))
    inbox.settle([Settlement(delivery, State.IGNORED) for delivery in claim(inbox, total)])
    clock.move(91 * 86400)
    assert retention.sweep(inbox, Retention(7 * 86400, 90 * 86400)) == (total, total)
    assert stored_deliveries.counts(inbox) == {}


def test_deleted_row_frees_its_business_key(inbox: Inbox, clock: Clock) -> None:
    """A key never refers to a deleted delivery."""
    inbox.store(arrival())
    delivery = claim_one(inbox)
    inbox.reserve([(delivery, CALL)])
    settle(inbox, delivery, State.DELIVERED, call=CALL)
    clock.move(91 * 86400)
    retention.sweep(inbox, Retention(7 * 86400, 90 * 86400))
    inbox.store(arrival("b"))
    later = claim_one(inbox)
    assert inbox.reserve([(later, CALL)]) == {later.id: later.id}


# The database, group commit and notifications


def test_migrations_create_the_tables_of_the_code(inbox: Inbox) -> None:
    """The schema after all migrations is the one of the tables."""
    with inbox.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_does_nothing(inbox: Inbox) -> None:
    """`migrate` may run at every deployment."""
    migrate.upgrade(inbox.database)
    assert migrate.is_current(inbox.database)


def test_group_shares_a_commit() -> None:
    """Items that arrive during a commit share the next one."""
    groups: list[int] = []

    def commit(items: Sequence[int]) -> list[int]:
        groups.append(len(items))
        time.sleep(0.05)
        return [item * 2 for item in items]

    group = GroupCommit[int, int](commit)
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(group.submit, range(16)))
    assert results == [item * 2 for item in range(16)]
    assert len(groups) < 16


def test_whole_group_gets_the_error() -> None:
    """Every thread of a failed group gets the error, and the next group is committed."""
    fails = threading.Event()
    fails.set()

    def commit(items: Sequence[int]) -> Sequence[int]:
        if fails.is_set():
            raise StoreUnavailableError("disk full")
        return items

    group = GroupCommit[int, int](commit)
    with ThreadPoolExecutor(4) as threads:
        outcomes = [threads.submit(group.submit, item) for item in range(4)]
        assert all(isinstance(outcome.exception(), StoreUnavailableError) for outcome in outcomes)
    fails.clear()
    assert group.submit(5) == 5


def test_notification_wakes_at_once(inbox: Inbox, database_url: str) -> None:
    """An idle worker is notified of a new delivery without polling, also by another process."""
    other = Inbox(database_url)
    timer = threading.Timer(0.2, lambda: other.store(arrival()))
    inbox.wakeups.wait(0)
    began = time.monotonic()
    timer.start()
    inbox.wakeups.wait(20)
    assert time.monotonic() - began < 10
    timer.join()
    other.close()


@pytest.mark.parametrize("verb", ["store", "release", "replay"])
def test_notification_before_the_wait_is_not_lost(inbox: Inbox, verb: str) -> None:
    """A delivery that becomes claimable between a poll and a wait ends the wait."""
    inbox.store(arrival())
    delivery = claim_one(inbox)
    if verb == "replay":
        settle(inbox, delivery, State.DEAD)
    inbox.wakeups.wait(0)
    match verb:
        case "store":
            inbox.store(arrival("b"))
        case "release":
            inbox.release([delivery])
        case _:
            operator_actions.replay(inbox, [delivery.id])
    began = time.monotonic()
    inbox.wakeups.wait(20)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("hot", [True, False])
def test_failed_transaction_leaves_nothing(inbox: Inbox, hot: bool) -> None:
    """An error inside a transaction undoes named SQL and SQLAlchemy's alike, and the connection is usable again."""

    def fail() -> None:
        with inbox.database.write(hot=hot) as connection:
            queue.store(connection, [arrival()], 1)
            connection.execute(update(deliveries).values(state="dead"))
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert stored_deliveries.counts(inbox) == {}
    assert not inbox.store(arrival()).duplicate


def test_transaction_serves_named_sql_and_sqlalchemy(inbox: Inbox) -> None:
    """Both see what the other wrote, and both are committed."""
    with inbox.database.write() as connection:
        queue.store(connection, [arrival()], 1)
        connection.execute(update(deliveries).values(detail="seen"))
        assert [one.shop for one in queue.queues(connection)] == ["acme"]
    assert stored_deliveries.get(inbox, 1).detail == "seen"
