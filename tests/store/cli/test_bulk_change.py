"""Changing many deliveries: confirmation and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.deliveries import arrival, claim
from webhook_app.cli import main
from webhook_app.cli.support.bulk_change import LONG
from webhook_app.inbox import Settlement, State
from webhook_app.inbox.operations.bulk_changes import MANY
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

pytestmark = pytest.mark.engines("sqlite")

COUNT = LONG + 50


@pytest.fixture
def many_dead(run: Run, inbox: Inbox) -> Inbox:
    """An inbox with more dead deliveries than two steps change."""
    inbox.store_all([arrival(str(number)) for number in range(COUNT)])
    inbox.settle([Settlement(delivery, State.DEAD, "unreadable") for delivery in claim(inbox, COUNT)])
    return inbox


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", COUNT), ("", COUNT)])
@pytest.mark.parametrize("command", ["replay", "discard"])
def test_many_need_a_confirmation(many_dead: Inbox, command: str, answer: str, left: int) -> None:
    """All are changed after a yes, however many steps it takes, and none otherwise."""
    result = CliRunner().invoke(main, [command, "--fault", "data"], input=answer)
    assert result.exit_code == (1 if left else 0)
    assert f"{COUNT} of {COUNT} deliveries will be" in result.output
    assert stored_deliveries.counts(many_dead).get("dead", 0) == left


def test_yes_needs_no_confirmation(run: Run, inbox: Inbox) -> None:
    """A script confirms with --yes."""
    inbox.store_all([arrival(str(number)) for number in range(MANY + 1)])
    assert run("discard", "--state", "received", "--yes").exit_code == 0
    assert stored_deliveries.counts(inbox) == {"ignored": MANY + 1}
