"""`tail`: follows what comes and what changes, on either engine."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tests.support import processes
from tests.support.deliveries import arrival, claim, claim_one, settle
from webhook_app.cli import main
from webhook_app.cli.support.delivery_text import call_summary, one_line, outcome
from webhook_app.inbox import Inbox, Selection, State, migrate
from webhook_app.inbox.reports.changes import GAP, Follower

if TYPE_CHECKING:
    from pathlib import Path

ESCAPE = "\x1b["


def seen(follower: Follower) -> list[tuple[int, str]]:
    return [(row.id, row.state) for row in follower.poll()]


def stored(inbox: Inbox, *identities: str, **changed: Any) -> list[int]:
    return [inbox.store(arrival(identity, **changed)).id for identity in identities]


def test_it_begins_now(inbox: Inbox) -> None:
    """What was there before is not told, unless it changes."""
    [old] = stored(inbox, "old")
    follower = Follower(inbox, Selection())
    [new] = stored(inbox, "new")
    assert seen(follower) == [(new, State.RECEIVED)]
    settle(inbox, claim_one(inbox), State.DELIVERED)
    assert seen(follower) == [(old, State.DELIVERED)]
    assert seen(follower) == []


def test_it_begins_at_a_time(inbox: Inbox, clock: Any) -> None:
    """With --since it first tells what came from then on."""
    stored(inbox, "early")
    clock.move(60)
    [late] = stored(inbox, "late")
    assert seen(Follower(inbox, Selection(since=clock.now))) == [(late, State.RECEIVED)]


def test_each_change_is_told_once(inbox: Inbox) -> None:
    """Received, waiting, delivered: three lines; that a worker has it is none."""
    follower = Follower(inbox, Selection())
    [number] = stored(inbox, "a")
    assert seen(follower) == [(number, State.RECEIVED)]
    delivery = claim_one(inbox)
    assert seen(follower) == []
    settle(inbox, delivery, State.WAITING, reason="http_503", attempted=True)
    assert seen(follower) == [(number, State.WAITING)]
    settle(inbox, claim_one(inbox), State.DELIVERED, attempted=True)
    assert seen(follower) == [(number, State.DELIVERED)]


def test_filters_are_about_now(inbox: Inbox) -> None:
    """A delivery is told once it is what is asked for, whatever it was when it came."""
    follower = Follower(inbox, Selection(shop="acme", states=(State.DEAD,), reason="http_422"))
    stored(inbox, "a", "b")
    stored(inbox, "c", shop="other")
    assert seen(follower) == []
    for delivery in claim(inbox, 2):
        settle(inbox, delivery, State.DEAD, reason="http_422" if delivery.id == 1 else "unreadable")
    assert seen(follower) == [(1, State.DEAD)]


def test_old_ones_that_wait_are_watched(inbox: Inbox) -> None:
    """What came long before the newest and is not settled yet is told when it is."""
    follower = Follower(inbox, Selection())
    stored(inbox, "first")
    first = claim_one(inbox)
    inbox.store_all([arrival(str(number)) for number in range(2 * GAP)])
    assert len(seen(follower)) == 2 * GAP
    settle(inbox, first, State.DELIVERED)
    assert seen(follower) == [(first.id, State.DELIVERED)]
    stored(inbox, "last")
    assert len(seen(follower)) == 1


@pytest.fixture
def shown(migrated_url: str) -> dict[str, str]:
    """The environment of a command that reads this database."""
    return processes.environment(DATABASE_URL=migrated_url)


def test_the_command_follows(shown: dict[str, str], database_url: str, tmp_path: Path) -> None:
    """One JSON object a line as long as it runs, beside whoever writes; Ctrl-C ends it without a complaint."""
    log = tmp_path / "log"
    with processes.running("tail", "--json", "--since=1h", env=shown, log=log) as process:
        with closing(Inbox(database_url)) as inbox:
            stored(inbox, "a")
            processes.wait_for(lambda: log.read_text().count("\n") == 1)
            settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile")
            processes.wait_for(lambda: log.read_text().count("\n") == 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["state"], one["reason"]) for one in told] == [("received", ""), ("ignored", "no_profile")]


@pytest.fixture
def dead_one(tmp_path: Path) -> str:
    """The address of a database with one dead delivery."""
    url = f"sqlite:///{tmp_path / 'inbox.db'}"
    with closing(Inbox(url)) as inbox:
        migrate.upgrade(inbox.database)
        stored(inbox, "a")
        settle(inbox, claim_one(inbox), State.DEAD, reason="unreadable")
    return url


def test_colours_on_a_terminal(dead_one: str) -> None:
    """On a terminal states have colours, and Ctrl-C ends it without a complaint."""
    ours, theirs = pty.openpty()
    env = processes.environment(DATABASE_URL=dead_one)
    env.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "webhook_app", "tail", "--since=1h"]
    with subprocess.Popen(command, cwd=processes.ROOT, env=env, stdout=theirs, stderr=theirs) as process:
        try:
            text = read_until(ours, "unreadable")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    for end in (ours, theirs):
        os.close(end)
    assert ESCAPE in text


@pytest.mark.parametrize("value", ["", "1"])
def test_no_color_is_honoured(dead_one: str, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Where NO_COLOR is set, not even a terminal gets colours; empty counts as not set."""
    monkeypatch.setenv("DATABASE_URL", dead_one)
    monkeypatch.setenv("NO_COLOR", value)
    assert (ESCAPE in CliRunner().invoke(main, ["list"], color=True).output) is not bool(value)


def read_until(terminal: int, wanted: str) -> str:
    text, deadline = "", time.monotonic() + 20
    while wanted not in text:
        assert time.monotonic() < deadline, text
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 4096).decode()
    return text


def test_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """--until makes no sense: it follows until it is stopped."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'inbox.db'}")
    result = CliRunner().invoke(main, ["tail", "--until", "1h"])
    assert result.exit_code == 2
    assert "list" in result.output


def test_a_line_says_what_became_of_it(inbox: Inbox) -> None:
    """What it was translated to, the state and why, in words."""
    stored(inbox, "a")
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_422", answer="no such key", attempted=True)
    assert one_line(outcome(inbox.get(1), inbox.clock())).endswith(": Tweakwise answered 422 (http_422): no such key")


@pytest.mark.parametrize(
    ("event", "call", "said"),
    [
        ("purchase", {"ProductKeys": ["1", "2"], "Revenue": 9.5}, "purchase of 1, 2 for 9.50"),
        ("purchase", {"ProductKeys": list("12345")}, "purchase of 1, 2, 3 and 2 more"),
        ("search", {"SearchTerm": "été \x1b[2J"}, 'search "été \\u001b[2J"'),
        ("pageview", {"ProductKey": "1"}, "pageview of 1"),
        ("addtocart", {"ProductKey": "1", "Quantity": 2, "TotalAmount": 5}, "addtocart of 2 x 1 for 5.00"),
        ("sessionstart", {"SessionKey": "s"}, "sessionstart"),
    ],
)
def test_a_line_says_what_it_was_translated_to(inbox: Inbox, event: str, call: dict[str, Any], said: str) -> None:
    """Every event in words, without whose it was."""
    [number] = stored(inbox, "a")
    row = replace(inbox.get(number), event=event, call=json.dumps({**call, "ProfileKey": "somebody"}))
    assert call_summary(row) == said


def test_nobody_steers_the_terminal() -> None:
    """What strangers wrote cannot move the cursor, and does not flood the screen."""
    assert one_line(f"a{ESCAPE}2Jb\r\nc\x07") == "a [2Jb  c "
    assert len(one_line("x" * 10_000)) < 400
