"""Chooses the database engine by the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.config.validators import SQLITE
from webhook_app.inbox.engines.sqlite import Sqlite

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox.engines.database import Database


def ignore_commits(_seconds: float) -> None:
    """Do nothing."""


def open_database(url: str, *, pooled: bool = False, on_commit: Callable[[float], None] = ignore_commits) -> Database:
    """Return the database at `url`, not yet connected; `pooled` concerns PostgreSQL alone.

    `on_commit` is called with the seconds that each durable commit took.
    """
    if url.startswith(SQLITE):
        return Sqlite(url, on_commit)
    from webhook_app.inbox.engines.postgres import Postgres  # noqa: PLC0415 - loaded only where it is used

    return Postgres(url, on_commit, pooled=pooled)
