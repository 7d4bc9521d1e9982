"""`replay`: queues dead or ignored deliveries again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import State
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

on_sqlite = pytest.mark.engines("sqlite")


def test_by_number(run: Run, stored: Inbox) -> None:
    """An ignored delivery is queued again; a number that is refused or unknown is printed, with exit code 1."""
    assert (run("replay", "1").output, stored_deliveries.get(stored, 1).state) == ("1: queued again\n", State.RECEIVED)
    result = run("replay", "1", "99")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "1: not replayed: only dead or ignored deliveries that still have a body can be",
        "99: there is no such delivery",
    ]


@on_sqlite
def test_a_dry_run_only_counts(run: Run, dead: Inbox) -> None:
    """It prints how many would be changed, and changes none."""
    result = run("replay", "--shop", "acme", "--dry-run")
    assert (result.exit_code, result.output) == (0, "Dry run: 2 of 2 deliveries would be queued again.\n")
    assert stored_deliveries.counts(dead) == {"dead": 2, "received": 1}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--state", "dead"], [1, 2]),
        (["--fault", "ours"], [1]),
        (["--reason", "http_422"], [2]),
        (["--topic", "orders/paid"], []),
    ],
)
def test_options_select_among_the_dead(run: Run, dead: Inbox, options: list[str], numbers: list[int]) -> None:
    """A delivery that is not dead is not selected."""
    assert run("replay", *options).exit_code == 0
    replayed = [number for number in (1, 2) if stored_deliveries.get(dead, number).state == State.RECEIVED]
    assert replayed == numbers


@on_sqlite
def test_a_wiped_body_is_counted_apart(run: Run, inbox: Inbox) -> None:
    """A delivery whose body was wiped cannot be replayed, and the message says why."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", wipes=True)
    output = run("replay", "--reason", "no_profile").output
    assert output.startswith("0 of 1 delivery queued again.\n1 cannot be: the body was wiped")


@on_sqlite
def test_the_rate_is_a_limit(run: Run, dead: Inbox) -> None:
    """Two at two a second take a second."""
    began = time.monotonic()
    assert run("replay", "--state", "dead", "--rate", "2").exit_code == 0
    assert time.monotonic() - began > 0.9
