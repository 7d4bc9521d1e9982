"""`status`: how many deliveries are in which state, and what is paused."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from tests.support.doctor import saw
from webhook_app.inbox import State
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import HOUR, now_ms

if TYPE_CHECKING:
    from tests.conftest import Clock
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
    assert {"breaker", "dead"} <= {one["check"] for one in record["findings"] if one["severity"] == "error"}
    assert any("2 dead deliveries" in text for text in record["wrong"])


def test_check_compares_counts_with_rows(run: Run, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that changed behind the back of the counts is reported once: then the counts are right again."""
    monkeypatch.setattr(statistics, "BLOCK", 4)
    for number in range(12):
        inbox.store(arrival(str(number)))
        settle(inbox, claim_one(inbox), State.DELIVERED)
    statistics.refresh(inbox, within=None)
    differ = "1 block of counts differed from the stored deliveries and had to be corrected"
    assert differ not in run("status", "--check").output
    with inbox.database.write() as connection:
        connection.execute(update(deliveries).where(deliveries.c.id == 1).values(state="ignored"))
    result = run("status", "--check")
    assert result.exit_code == 1
    assert differ in result.output
    assert differ not in run("status", "--check").output


@on_sqlite
def test_an_inbox_that_received_nothing_is_not_fine(run: Run, inbox: Inbox) -> None:
    """The shop may not be connected at all."""
    result = run("status", "--check")
    assert (result.exit_code, result.output.splitlines()[0]) == (1, "nothing yet")
    assert "No webhook was ever received from acme." in result.output


@on_sqlite
@pytest.mark.parametrize("received", [True, False])
def test_refused_webhooks_are_not_fine(run: Run, inbox: Inbox, clock: Clock, received: bool) -> None:
    """Every webhook is refused: status shows it as alerts do, whether or not one was ever accepted."""
    clock.now = now_ms() - 3 * HOUR
    if received:
        saw(inbox, "orders/create")
    clock.now = now_ms()
    assert "refused" not in run("status").output
    saw(inbox, "signature_mismatch", ActivityKind.REFUSAL, 3)
    result = run("status", "--check")
    assert result.exit_code == 1
    assert (
        "acme: 3 webhooks were refused in the last two hours (signature_mismatch), none was accepted." in result.output
    )


@on_sqlite
def test_without_a_database_it_shows_what_to_do(run: Run, sqlite_url: str) -> None:
    """No traceback, and a failing check."""
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "python -m webhook_app migrate" in result.output
    assert json.loads(run("status", "--json").output)["wrong"]


@on_sqlite
def test_check_reports_the_dead(run: Run, dead: Inbox) -> None:
    """Without --check the exit code is 0; with it 1, and the problems are printed last."""
    assert run("status").exit_code == 0
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "Needs attention:" in result.output
    assert "acme: 2 dead deliveries" in result.output


@on_sqlite
def test_check_reports_an_open_breaker(run: Run, inbox: Inbox) -> None:
    """Nothing is dead and nothing waits, but calls are paused."""
    open_breaker(inbox, "acme")
    result = run("status", "--check")
    assert result.exit_code == 1
    assert "acme: no events are sent, because the instance key was refused (http_401)" in result.output


@on_sqlite
@pytest.mark.parametrize(("older_than", "code"), [("1h", 1), ("3h", 0)])
def test_check_reports_what_is_old(run: Run, inbox: Inbox, older_than: str, code: int) -> None:
    """An event that no worker claims becomes a problem at the given age."""
    inbox.store(arrival(received_at=int((time.time() - 2 * 3600) * 1000)))
    checks = {
        one["check"] for one in json.loads(run("status", "--json", "--older-than", older_than).output)["findings"]
    }
    assert ("oldest" in checks) is bool(code)


def test_of_one_shop(run: Run, dead: Inbox) -> None:
    """--shop counts its deliveries alone; an unknown one is wrong usage."""
    dead.store(arrival("other", shop="other-shop-with-a-long-name"))
    record = json.loads(run("status", "--json", "--shop", "acme").output)
    assert (record["states"]["dead"], record["states"]["received"]) == (2, 1)
    assert [one["shop"] for one in record["unfinished"]] == ["acme"]
    assert {one["shop"] for one in record["findings"]} <= {"", "acme"}
    assert run("status", "--shop", "unknown").exit_code == 2
