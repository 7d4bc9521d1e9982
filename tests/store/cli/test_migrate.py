"""`migrate`: brings the database to the current schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.commands import Run


def test_the_second_time_there_is_nothing_to_do(run: Run) -> None:
    """An empty database is migrated, a current one is left alone."""
    assert run("migrate").output.startswith("Migrated: the database is at ")
    again = run("migrate")
    assert again.exit_code == 0
    assert again.output.startswith("Nothing to do: the database is at ")
