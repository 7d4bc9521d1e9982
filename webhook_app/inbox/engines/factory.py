"""Which engine an address means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.config.settings import SQLITE
from webhook_app.inbox.engines.sqlite import Sqlite

if TYPE_CHECKING:
    from webhook_app.inbox.engines.database import Database


def open_database(url: str, *, pooled: bool = False) -> Database:
    """Return the database at `url`, not yet connected; `pooled` concerns PostgreSQL alone."""
    if url.startswith(SQLITE):
        return Sqlite(url)
    from webhook_app.inbox.engines.postgres import Postgres  # noqa: PLC0415 - nobody who uses SQLite needs to load it

    return Postgres(url, pooled=pooled)
