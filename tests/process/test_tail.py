"""`tail`: follows deliveries until Ctrl-C, in a pipe and in a terminal."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import click
import pytest

from tests.support import processes, pseudo_terminal
from tests.support.deliveries import arrival, claim_one, settle
from tests.support.pseudo_terminal import ESCAPE
from webhook_app.inbox import Inbox, State

if TYPE_CHECKING:
    from pathlib import Path


def test_it_follows_what_others_write(migrated_url: str, tmp_path: Path) -> None:
    """One JSON object a line as long as it runs; Ctrl-C ends it with exit code 0 and no stack trace."""
    log, env = tmp_path / "log", processes.environment(DATABASE_URL=migrated_url)
    with processes.running("tail", "--json", "--since=1h", env=env, log=log) as process:
        with closing(Inbox(migrated_url)) as inbox:
            inbox.store(arrival())
            processes.wait_for(lambda: log.read_text().count("\n") == 1)
            settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile")
            processes.wait_for(lambda: log.read_text().count("\n") == 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(processes.LONGEST) == 0
    changes = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["state"], one["reason"]) for one in changes] == [("received", ""), ("ignored", "no_profile")]


@pytest.fixture
def dead_one(migrated_url: str) -> dict[str, str]:
    """The environment of commands on a database with one dead delivery."""
    with closing(Inbox(migrated_url)) as inbox:
        inbox.store(arrival())
        answer = "the product key is not known in this instance"
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_422", answer=answer, attempted=True)
    env = processes.environment(DATABASE_URL=migrated_url)
    env.pop("NO_COLOR", None)
    return env


@pytest.mark.engines("sqlite")
def test_a_terminal_gets_colours(dead_one: dict[str, str]) -> None:
    """On a terminal states are coloured, and Ctrl-C ends it with exit code 0."""
    with pseudo_terminal.running("tail", "--since=1h", env=dead_one, columns=200) as terminal:
        text = terminal.read_until("instance")
        terminal.press(b"\x03")
        assert terminal.process.wait(processes.LONGEST) == 0
    assert ESCAPE in text


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("command", [["tail", "--since=1h"], ["list"]])
def test_a_narrow_terminal_wraps_between_words(dead_one: dict[str, str], command: list[str]) -> None:
    """A long line continues on the next, indented and without a word that is cut."""
    with pseudo_terminal.running(*command, env=dead_one, columns=60) as terminal:
        text = click.unstyle(terminal.read_until("(http_422)"))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split()[:4] == ["1", lines[0].split()[1], "acme", "orders/create"]
    assert lines[1].startswith("        dead")
    assert " ".join(text.split()).endswith("Tweakwise answered 422 (http_422)") or "(http_422):" in text
