"""`migrate`: brings the database to the current schema."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sqlalchemy import text

from webhook_app.cli.support import database_startup
from webhook_app.config import settings
from webhook_app.inbox import Inbox

if TYPE_CHECKING:
    import pytest

    from tests.support.commands import Run


def test_the_second_time_there_is_nothing_to_do(run: Run) -> None:
    """An empty database is migrated, a current one is left alone."""
    assert run("migrate").output.startswith("Migrated: the database is at ")
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
