"""What many tests start from: a real inbox in a real file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Machines are shared: how long an example takes says nothing about the code.
settings.register_profile("ours", deadline=None)
settings.load_profile("ours")


class Clock:
    """A clock that stands until it is told to move; milliseconds since 1970 UTC."""

    def __init__(self) -> None:
        self.now = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'inbox.db'}"


@pytest.fixture
def inbox(database_url: str, clock: Clock) -> Iterator[Inbox]:
    """An empty inbox whose time stands still; its lease is 60 seconds."""
    inbox = Inbox(database_url, lease=60, clock=clock)
    migrate.upgrade(inbox.database)
    yield inbox
    inbox.close()
