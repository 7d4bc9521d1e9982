"""`discard`, and `drop`, its name in earlier versions: gives deliveries up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox


@pytest.mark.parametrize("command", ["discard", "drop"])
def test_by_number(run: Run, dead: Inbox, command: str) -> None:
    """A dead delivery is discarded; a number that is refused or unknown is printed, with exit code 1."""
    assert run(command, "1").output == "1: discarded\n"
    assert stored_deliveries.get(dead, 1).reason == "dropped"
    result = run(command, "1", "99")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "1: not discarded: only dead, waiting or received deliveries can be",
        "99: there is no such delivery",
    ]


def test_only_the_dead_unless_a_state_is_given(run: Run, dead: Inbox) -> None:
    """A delivery that is still to be sent is discarded only where --state asks for it."""
    assert run("discard", "--shop", "acme").output == "2 of 2 deliveries discarded.\n"
    assert stored_deliveries.counts(dead) == {"ignored": 2, "received": 1}
    run("discard", "--shop", "acme", "--state", "received")
    assert stored_deliveries.counts(dead) == {"ignored": 3}
