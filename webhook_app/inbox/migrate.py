"""Database migrations: applies them, and checks whether the schema is current."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from webhook_app.inbox.engines.database import Database

SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(database: Database) -> None:
    """Apply every migration that is missing. Raises StoreUnavailableError."""
    database.prepare()
    config = _config()
    # One transaction of SQLAlchemy around all of them, which Alembic would begin for each otherwise.
    with database.write() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Return whether every migration is applied. Raises StoreUnavailableError where the database does not answer."""
    if not database.exists():
        return False
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


@cache
def head() -> str | None:
    """Return the revision of the newest migration."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
