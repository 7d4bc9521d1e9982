"""`migrate`: brings the database to the current schema."""

from __future__ import annotations

import errno
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from webhook_app.cli.support import database_startup
from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Run


def test_the_second_time_there_is_nothing_to_do(run: Run) -> None:
    """An empty database is migrated, a current one is left alone."""
    first = run("migrate").output
    assert first.startswith("Migrated: the database is at ")
    assert "lacked" not in first
    again = run("migrate")
    assert again.exit_code == 0
    assert again.output.startswith("Nothing to do: the database is at ")


def test_what_is_lacking_is_named(run: Run, migrated_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command that looks at the database names it, the receiver and a worker too before they start."""
    with closing(Inbox(migrated_url)) as inbox, inbox.database.write() as connection:
        connection.execute(text("DROP TABLE alerts"))
    lacking = "The database lacks table alerts."
    assert f"not ready: {lacking} Run `python -m webhook_app migrate`." in run("check").output
    assert lacking in run("doctor", "--json").output
    config = settings.load()
    for warn in (database_startup.warn_receiver, database_startup.warn_worker):
        warn(config)
        assert f"{lacking} Run `python -m webhook_app migrate`." in capsys.readouterr().err
    assert "Created what it lacked: table alerts." in run("migrate").output


def test_path_that_cannot_be_searched_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    """As in a folder of another user, where the system does not say whether the file exists."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / ('x' * 300)}")  # refused to every user
    database_startup.warn_receiver(settings.load())
    assert "The database is unavailable: [Errno" in capsys.readouterr().err
    database_startup.warn_worker(settings.load())
    for command in ("migrate", "status", "check", "doctor", "list"):
        result = run(command)
        assert isinstance(result.exception, SystemExit | None), command
        assert "File name too long" in result.output, command


def test_a_full_disk_does_not_end_what_shows_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`run` starts, whether or not SQLite can open the file there; only the system's error is made up here.

    A file that cannot be used is an error while the disk has room.
    """
    (tmp_path / "whole.db").touch()
    (tmp_path / "other.db").write_bytes(b"not a database, although it has enough bytes to be one" * 9)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'whole.db'}")
    assert database_startup.migrate(settings.load())
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert not database_startup.migrate(settings.load())
    assert "No space left on device" in capsys.readouterr().err
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert not database_startup.migrate(settings.load())
    monkeypatch.undo()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(StoreUnavailableError):
        database_startup.migrate(settings.load())


def full(**_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
