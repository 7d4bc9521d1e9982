"""Database migrations: applies them, one process at a time, and checks whether the schema is what the code needs.

Everything is one transaction on either engine. A process that is killed in the middle leaves nothing behind. Alembic,
which takes a tenth of a second to load, is loaded only where something has to be migrated: the checks do without it.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.exc import OperationalError

from webhook_app import logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import presence, schema
from webhook_app.inbox.operations import logins

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webhook_app.inbox.engines.database import Database

SCRIPTS = Path(__file__).with_name("migrations")
REVISION = text("SELECT version_num FROM alembic_version")
# An advisory lock of PostgreSQL belongs to a number. It ends with the transaction, so it also works behind a pooler in
# transaction mode, which gives a transaction one connection of the server. SQLite has its write lock.
LOCK = int.from_bytes(b"webhooks")
TRY_TO_LOCK, WAIT_FOR_LOCK = (
    text(f"SELECT {name}({LOCK})") for name in ("pg_try_advisory_xact_lock", "pg_advisory_xact_lock")
)
# A process that is suspended, or whose machine disappeared, must not hold the lock for ever.
LIMITS = text("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '60s'")
# Changing a table waits for those who read it, and all that come later wait behind it: webhooks too.
LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '1s'")
LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
NOT_MIGRATED = "The database is not migrated."
TRIES, PAUSE = 20, 3.0  # seconds


def upgrade(database: Database) -> list[str]:
    """Apply every migration that is missing, then create what the schema lacks all the same, and return that.

    Raises StoreUnavailableError.
    """
    database.prepare()
    for _ in range(TRIES):
        try:
            return [] if fault(database) is None else _upgrade(database)
        except StoreUnavailableError as error:
            if not error.transient:
                raise
            logs.logger().warning("migration_postponed", reason=str(error))
            time.sleep(PAUSE)
    raise StoreUnavailableError("the tables are in use by another session, for example a dump; nothing was changed")


def is_current(database: Database) -> bool:
    """Return whether the code can use the schema. Raises StoreUnavailableError where the database does not answer.

    A schema of a newer version is current too: during a release, processes of the previous one go on using it.
    It is asked the way webhooks are stored, so that no page delays it.
    """
    if not database.exists():
        return False
    with database.read(reserved=True) as connection:
        return _is_usable(_revision(connection)) and schema.is_usable(connection)


def fault(database: Database) -> str | None:
    """Return a sentence about what the schema lacks, None where it is current. Raises StoreUnavailableError."""
    if not database.exists():
        return NOT_MIGRATED
    with database.read() as connection:
        revision = _revision(connection)
        if revision is None:
            return NOT_MIGRATED
        lacking = ", ".join(schema.describe(item) for item in schema.missing(connection))
    if not _is_usable(revision):
        return f"The database is at {revision}, and this version needs {head()}."
    return f"The database lacks {lacking}." if lacking else None


def newer_revision(database: Database) -> str | None:
    """Return the revision of a database that a newer version migrated, None otherwise.

    Migrations only add, so that this version works with it. Raises StoreUnavailableError.
    """
    if not database.exists():
        return None
    with database.read() as connection:
        revision = _revision(connection)
    return revision if revision not in {None, *revisions()} else None


@cache
def revisions() -> tuple[str, ...]:
    """Return the revision of every migration, oldest first; a file's name begins with it."""
    return tuple(sorted(file.name[:4] for file in (SCRIPTS / "versions").glob("[0-9]*.py")))


def head() -> str:
    """Return the revision of the newest migration."""
    return revisions()[-1]


def _upgrade(database: Database) -> list[str]:
    from alembic import command  # noqa: PLC0415 - see the module
    from alembic.config import Config  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    # One transaction of SQLAlchemy around all of them, which Alembic would begin for each otherwise.
    with database.write() as connection, connection.begin():
        _lock(connection)
        config.attributes["connection"] = connection
        try:
            if not _is_usable(_revision(connection)):
                command.upgrade(config, "head")
            created = schema.complete(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            raise StoreUnavailableError("a table is in use by another session", transient=True) from None
        logins.make_signing_key(connection)
        presence.record_migration(connection, database.now(connection))
        return created


def _lock(connection: Connection) -> None:
    """Wait for other processes that migrate, on any machine; SQLite's transaction has done so already."""
    if connection.dialect.name != "postgresql":
        return
    connection.execute(LIMITS)
    if not connection.execute(TRY_TO_LOCK).scalar_one():
        logs.logger().info("migration_postponed", reason="another process migrates")
        connection.execute(WAIT_FOR_LOCK)
    connection.execute(LOCK_TIMEOUT)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(REVISION).scalar()


def _is_usable(revision: str | None) -> bool:
    """Return whether it is the newest one, or one that this version does not know yet."""
    return revision is not None and (revision == head() or revision not in revisions())
