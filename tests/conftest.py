"""What many tests start from: a real inbox in a real database, on either engine."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.postgres import Server
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Tests that were started in the background may ignore Ctrl-C, and the commands that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("postgres"))
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; every test that asks for it runs on both engines."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'inbox.db'}"
    else:
        server: Server = request.getfixturevalue("postgres")
        with server.database() as address:
            yield address


@pytest.fixture
def inbox(database_url: str, clock: Clock) -> Iterator[Inbox]:
    """An empty inbox whose time stands still; its lease is 60 seconds."""
    inbox = Inbox(database_url, lease=60, clock=clock)
    migrate.upgrade(inbox.database)
    yield inbox
    inbox.close()
