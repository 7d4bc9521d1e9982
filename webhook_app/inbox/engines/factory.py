"""Chooses the database engine by the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.config.validators import SQLITE
from webhook_app.inbox.engines.sqlite import Sqlite
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox.engines.database import Database


def ignore_commits(_seconds: float) -> None:
    """Do nothing."""


def open_database(
    url: str,
    *,
    pooled: bool = False,
    on_commit: Callable[[float], None] = ignore_commits,
    clock: Callable[[], int] | None = None,
) -> Database:
    """Return the database at `url`, not yet connected; `pooled` concerns PostgreSQL alone.

    `on_commit` is called with the seconds that each durable commit took; `clock` replaces the database's own.
    """
    if url.startswith(SQLITE):
        return Sqlite(url, on_commit, clock or now_ms)
    from webhook_app.inbox.engines.postgres import Postgres  # noqa: PLC0415 - loaded only where it is used

    return Postgres(url, on_commit, clock, pooled=pooled)
