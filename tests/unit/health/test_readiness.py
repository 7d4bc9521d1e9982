"""Readiness: one check a second, shared by all who ask."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from webhook_app.config import settings
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.health.readiness import Readiness
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webhook_app.config.settings import Settings


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    """An inbox whose file exists, without tables."""
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as opened:
        opened.database.prepare()
        yield opened


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with the same inbox."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'inbox.db'}")
    monkeypatch.delenv("SPOOL", raising=False)
    return settings.load()


def test_requests_share_a_check(config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that arrive while it is checked, and within a second after, cause no further one."""
    checks, may_end = [], threading.Event()

    def check(_database: Any) -> bool:
        checks.append(1)
        return may_end.wait(60)

    monkeypatch.setattr("webhook_app.health.readiness.is_current", check)
    readiness = Readiness(config, inbox, None)
    with ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(readiness.status) for _ in range(20)]
        may_end.set()
        assert {one.result(60) for one in asked} == {"ready"}
    assert len(checks) == 1


def test_file_without_a_worker(config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `web` alone stores in a file what no worker will deliver: the answer names that, and stays `ready`."""
    monkeypatch.setattr("webhook_app.health.readiness.VALID_FOR", 0.0)
    migrate.upgrade(inbox.database)
    readiness = Readiness(config, inbox, None)
    assert (readiness.status(), readiness.lacks_worker) == ("ready", True)
    with closing(Inbox(config.database_url)) as of_worker:
        of_worker.wakeups.wait(0)
        assert (readiness.status(), readiness.lacks_worker) == ("ready", False)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OverloadedError("all in use"), "ready"), (StoreUnavailableError("gone"), "unavailable")],
)
def test_full_pool_is_ready(
    config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, error: StoreUnavailableError, status: str
) -> None:
    """A database that is busy answers; one that is down does not."""

    @contextmanager
    def read(**_: Any) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(inbox.database, "read", read)
    assert Readiness(config, inbox, None).status() == status


def test_status_is_checked_again(config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that was migrated meanwhile is ready."""
    monkeypatch.setattr("webhook_app.health.readiness.VALID_FOR", 0.0)
    current = iter([False, True])
    monkeypatch.setattr("webhook_app.health.readiness.is_current", lambda _database: next(current))
    readiness = Readiness(config, inbox, None)
    assert [readiness.status(), readiness.status()] == ["migrations_missing", "ready"]


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, "disk_full"), (errno.EACCES, "not_writable")])
def test_a_full_disk_is_not_ready(
    config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, number: int, status: str
) -> None:
    """Whatever can still be read, migrated or not; the system's error is the only thing that is made up here."""
    if number == errno.ENOSPC:
        migrate.upgrade(inbox.database)
        assert Readiness(config, inbox, None).status() == "ready"

    def refuse(**_: Any) -> None:
        raise OSError(number, "made up")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with capture_logs() as lines:
        readiness = Readiness(config, inbox, None)
        assert [readiness.status() for _ in range(3)] == [status] * 3
    assert [line["event"] for line in lines] == ["readiness_changed"]


def test_sqlite_that_cannot_be_opened_on_a_full_disk(
    config: Settings, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart SQLite reports an error of the disk; the answer is why, and not that it does not answer."""

    @contextmanager
    def read(**_: Any) -> Iterator[None]:
        raise StoreUnavailableError("disk I/O error")
        yield

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(inbox.database, "read", read)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert Readiness(config, inbox, None).status() == "disk_full"
