"""What commands print on a terminal: colours, and lines that are wrapped between words."""

from __future__ import annotations

from contextlib import closing

import click
import pytest

from tests.support import processes, pseudo_terminal
from tests.support.deliveries import arrival, claim_one, settle
from tests.support.pseudo_terminal import ESCAPE
from webhook_app.inbox import Inbox, State

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def dead_one(migrated_url: str) -> dict[str, str]:
    """The environment of commands on a database with one dead delivery."""
    with closing(Inbox(migrated_url)) as inbox:
        inbox.store(arrival())
        answer = "the product key is not known in this instance"
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_422", answer=answer, attempted=True)
    unreachable = "http://127.0.0.1:9"
    env = processes.environment(DATABASE_URL=migrated_url, SHOPS_FILE="shops.demo.toml", TWEAKWISE_URL=unreachable)
    env.pop("NO_COLOR", None)
    return env


def test_a_terminal_gets_colours(dead_one: dict[str, str]) -> None:
    """On a terminal states are coloured, and Ctrl-C ends it with exit code 0."""
    with pseudo_terminal.running("tail", "--since=1h", env=dead_one, columns=200) as terminal:
        text = terminal.read_until("instance")
        terminal.press(b"\x03")
        assert terminal.process.wait(processes.LONGEST) == 0
    assert ESCAPE in text


@pytest.mark.parametrize(
    ("command", "last", "indent"),
    [("tail --since=1h", "instance", 8), ("list", "Total:", 8), ("doctor", "warning", 20)],
)
def test_a_narrow_terminal_wraps_between_words(dead_one: dict[str, str], command: str, last: str, indent: int) -> None:
    """No line is wider than the terminal, and what does not fit continues below, indented."""
    with pseudo_terminal.running(*command.split(), env=dead_one, columns=60) as terminal:
        lines = click.unstyle(terminal.read_until(last)).splitlines()
    assert max(map(len, lines)) <= 60
    continued = [line for line in lines if line.startswith(" " * indent)]
    assert continued
    assert all(line[indent] != " " for line in continued)


@pytest.mark.parametrize("command", ["list", "doctor"])
def test_a_pipe_has_one_line_for_each(dead_one: dict[str, str], command: str) -> None:
    """Output that another program reads is not wrapped, whatever COLUMNS says, and has no colours."""
    output = processes.command(command, env={**dead_one, "COLUMNS": "40"}).stdout
    assert max(map(len, output.splitlines())) > 60
    assert ESCAPE not in output
