"""The inbox against its table of transitions: any order of verbs, by any number of workers, with time passing."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import Clock
from tests.support.deliveries import claim, purchase
from webhook_app.inbox import TRANSITIONS, Delivery, Inbox, NewDelivery, Settlement, State, Verb, retention
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pytest

    from tests.support.postgres import Server

ALLOWED = {(transition.source, transition.verb, transition.target) for transition in TRANSITIONS}
OUTCOMES = st.sampled_from([State.DELIVERED, State.IGNORED, State.WAITING, State.DEAD])
LEASE = 60


class InboxMachine(RuleBasedStateMachine):
    """Compares the real inbox with a model of every delivery's state."""

    claims = Bundle("claims")
    empty_database: Callable[[], AbstractContextManager[str]]

    @initialize()
    def open(self) -> None:
        self.database = ExitStack()
        self.clock = Clock()
        self.inbox = Inbox(self.database.enter_context(self.empty_database()), lease=LEASE, clock=self.clock)
        self.states: dict[int, State] = {}
        self.leases: dict[int, tuple[int, int]] = {}
        self.owners: dict[str, int] = {}
        self.wiped: set[int] = set()

    def move(self, number: int, verb: Verb, target: State) -> None:
        assert (self.states[number], verb, target) in ALLOWED
        self.states[number] = target

    @rule(identity=st.integers(0, 8))
    def store(self, identity: int) -> None:
        result = self.inbox.store(NewDelivery("acme", "shopify", "orders/create", str(identity), "", {}, b"{}"))
        assert result.duplicate == (result.id in self.states)
        self.states.setdefault(result.id, State.RECEIVED)

    @rule(target=claims, limit=st.integers(1, 4))
    def claim(self, limit: int) -> Any:
        claimed = claim(self.inbox, limit)
        assert len(claimed) <= limit
        for delivery in claimed:
            lapsed = self.states[delivery.id] is State.DELIVERING
            assert not lapsed or self.leases[delivery.id][1] <= self.clock.now
            self.move(delivery.id, Verb.CLAIM, State.DELIVERING)
            self.leases[delivery.id] = (delivery.claims, delivery.due_at)
        return multiple(*claimed)

    def holds_lease(self, delivery: Delivery) -> bool:
        delivering = self.states.get(delivery.id) is State.DELIVERING
        return delivering and self.leases[delivery.id][0] == delivery.claims

    @rule(delivery=claims, key=st.sampled_from(["purchase:1", "purchase:2"]))
    def reserve(self, delivery: Delivery, key: str) -> None:
        owner = self.owners.setdefault(key, delivery.id)
        assert self.inbox.reserve([(delivery, purchase(key))]) == {delivery.id: owner}

    @rule(delivery=consumes(claims), state=OUTCOMES, seconds=st.integers(0, 100), keeps_key=st.booleans())
    def settle(self, delivery: Delivery, state: State, seconds: int, keeps_key: bool) -> None:
        held = self.holds_lease(delivery)
        key = next((key for key, owner in self.owners.items() if owner == delivery.id), "purchase:0")
        call = purchase(key)
        settlement = Settlement(delivery, state, retry_in=seconds, call=call, keeps_key=keeps_key)
        assert self.inbox.settle([settlement]) == [held]
        if held:
            self.move(delivery.id, Verb.SETTLE, state)
            if state is State.DEAD and not keeps_key:
                self.owners.pop(key, None)

    @rule(delivery=consumes(claims))
    def release(self, delivery: Delivery) -> None:
        held = self.holds_lease(delivery)
        self.inbox.release([delivery])
        if held:
            self.move(delivery.id, Verb.RELEASE, State.RECEIVED)

    @rule(number=st.integers(1, 8))
    def replay(self, number: int) -> None:
        if number not in self.states:
            return
        allowed = (self.states[number], Verb.REPLAY, State.RECEIVED) in ALLOWED and number not in self.wiped
        assert operator_actions.replay(self.inbox, [number]) == ({number} if allowed else set())
        if allowed:
            self.move(number, Verb.REPLAY, State.RECEIVED)

    @rule(numbers=st.sets(st.integers(1, 8), min_size=1))
    def discard(self, numbers: set[int]) -> None:
        able = {number for number in numbers if (self.states.get(number), Verb.DISCARD, State.IGNORED) in ALLOWED}
        assert operator_actions.discard(self.inbox, [*numbers], "dropped") == able
        for number in able:
            self.move(number, Verb.DISCARD, State.IGNORED)

    @rule(numbers=st.sets(st.integers(1, 8), min_size=1))
    def replay_many(self, numbers: set[int]) -> None:
        able = {
            number
            for number in numbers - self.wiped
            if (self.states.get(number), Verb.REPLAY, State.RECEIVED) in ALLOWED
        }
        assert operator_actions.replay(self.inbox, [*numbers]) == able
        for number in able:
            self.move(number, Verb.REPLAY, State.RECEIVED)

    @rule(number=st.integers(1, 8))
    def redact(self, number: int) -> None:
        if number not in self.states:
            return
        retention.redact(self.inbox, [number], "redacted", "")
        self.wiped.add(number)
        if (self.states[number], Verb.REDACT, State.IGNORED) in ALLOWED:
            self.move(number, Verb.REDACT, State.IGNORED)

    @rule(seconds=st.sampled_from([1, 30, LEASE, LEASE + 1]))
    def wait(self, seconds: int) -> None:
        self.clock.move(seconds)

    @invariant()
    def states_agree(self) -> None:
        if hasattr(self, "inbox"):
            assert {row.id: row.state for row in stored_deliveries.newest(self.inbox, 100)} == self.states

    @invariant()
    def only_the_unfinished_are_due(self) -> None:
        if hasattr(self, "inbox"):
            unfinished = {State.RECEIVED, State.WAITING, State.DELIVERING}
            assert all(
                (row.due_at is not None) == (row.state in unfinished)
                for row in stored_deliveries.newest(self.inbox, 100)
            )

    @invariant()
    def wiped_bodies_are_gone(self) -> None:
        if hasattr(self, "inbox"):
            assert all(
                (stored_deliveries.body(self.inbox, number) is None) == (number in self.wiped) for number in self.states
            )

    def teardown(self) -> None:
        if hasattr(self, "inbox"):
            self.inbox.close()
            self.database.close()


@contextmanager
def copied(migrated: Path) -> Iterator[str]:
    """The address of a copy of that file."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{shutil.copy(migrated, folder)}"


def test_inbox_follows_its_table(engine: str, request: pytest.FixtureRequest) -> None:
    """In any order of operations, states change only along TRANSITIONS, and an expired lease changes nothing."""

    def empty_database() -> AbstractContextManager[str]:
        if engine == "sqlite":
            return copied(request.getfixturevalue("migrated_file"))
        server: Server = request.getfixturevalue("postgres")
        return server.migrated()

    machine = type("Machine", (InboxMachine,), {"empty_database": staticmethod(empty_database)})

    limits = settings(max_examples=40, stateful_step_count=40, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=limits)
