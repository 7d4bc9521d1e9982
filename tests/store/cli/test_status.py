"""`status`: how many deliveries are in which state, and what is paused."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from webhook_app.inbox import State, statistics
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

on_sqlite = pytest.mark.engines("sqlite")


def test_it_prints_states_causes_and_backlogs(run: Run, dead: Inbox) -> None:
    """Counts by state, the dead by cause and reason, and what is unfinished for which shop."""
    lines = [" ".join(line.split()) for line in run("status").output.splitlines()]
    assert "dead 2" in lines
    start = lines.index("Dead, by cause:")
    assert lines[start + 1 : start + 5] == [
        "a bug in the receiver 1",
        "Internal error during translation (translation_error): 1",
        "invalid data 1",
        "Tweakwise answered 422 (http_422): 1",
    ]
    assert [line for line in lines if line.startswith("acme 1 oldest ")]


def test_json_has_the_same(run: Run, dead: Inbox) -> None:
    """One object, for other programs."""
    open_breaker(dead, "acme")
    record = json.loads(run("status", "--json").output)
    assert record["states"]["dead"] == 2
    assert record["dead"] == {"ours": 1, "theirs": 0, "data": 1}
    assert [(shop["shop"], shop["count"]) for shop in record["unfinished"]] == [("acme", 1)]
    assert [(throttle["scope"], throttle["reason"]) for throttle in record["throttles"]] == [("shop acme", "http_401")]
    assert record["wrong"][:2] == ["the breaker of shop acme is open", "2 dead"]


def test_check_compares_counts_with_rows(run: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changed behind the back of the counts is reported once: then the counts are right again."""
    monkeypatch.setattr(statistics, "BLOCK", 4)
    for number in range(12):
        inbox.store(arrival(str(number)))
        settle(inbox, claim_one(inbox), State.DELIVERED)
    statistics.refresh(inbox, within=None)
    assert run("status", "--check").exit_code == 0
    with inbox.database.write() as connection:
        connection.execute(update(deliveries).where(deliveries.c.id == 1).values(state="ignored"))
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "1 block of counts differed from the stored deliveries and had to be corrected" in result.output
    assert run("status", "--check").exit_code == 0


@on_sqlite
def test_an_empty_inbox_is_no_problem(run: Run, inbox: Inbox) -> None:
    """Nothing was received, and nothing needs attention."""
    result = run("status", "--check")
    assert (result.exit_code, result.output) == (0, "nothing yet\n")


@on_sqlite
def test_check_reports_the_dead(run: Run, dead: Inbox) -> None:
    """Without --check the exit code is 0; with it 1, and the problems are printed last."""
    assert run("status").exit_code == 0
    result = run("status", "--check")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith("Needs attention: 2 dead")


@on_sqlite
def test_check_reports_an_open_breaker(run: Run, inbox: Inbox) -> None:
    """Nothing is dead and nothing waits, but calls are paused."""
    open_breaker(inbox, "acme")
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "the breaker of shop acme is open" in result.output


@on_sqlite
@pytest.mark.parametrize(("older_than", "code"), [("1h", 1), ("3h", 0)])
def test_check_reports_what_is_old(run: Run, inbox: Inbox, older_than: str, code: int) -> None:
    """An event that no worker claims becomes a problem at the given age."""
    inbox.store(arrival(received_at=int((time.time() - 2 * 3600) * 1000)))
    assert run("status", "--check", "--older-than", older_than).exit_code == code
