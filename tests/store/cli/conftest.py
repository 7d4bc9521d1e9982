"""Commands on stored deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import commands
from tests.support.deliveries import arrival, claim, claim_one, settle
from tests.support.recordings import ORDER
from webhook_app.inbox import State

if TYPE_CHECKING:
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    """Call a command on this database."""
    return commands.runner(monkeypatch, database_url)


@pytest.fixture
def stored(run: Run, inbox: Inbox) -> Inbox:
    """An inbox with one ignored and one received delivery."""
    for identity in ("first", "second"):
        inbox.store(arrival(identity, ORDER.body))
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", detail="A guest's order.")
    return inbox


@pytest.fixture
def dead(run: Run, inbox: Inbox) -> Inbox:
    """An inbox with two dead deliveries, one by a bug and one by invalid data, and one received."""
    for identity in ("first", "second"):
        inbox.store(arrival(identity))
    for delivery, reason in zip(claim(inbox, 2), ("translation_error", "http_422"), strict=True):
        settle(inbox, delivery, State.DEAD, reason=reason)
    inbox.store(arrival("third"))
    return inbox
