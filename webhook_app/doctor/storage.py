"""Checks of the database, the spool and their disks."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_app.config import settings
from webhook_app.config.validators import SQLITE
from webhook_app.doctor.finding import Finding, Severity
from webhook_app.errors import ConfigurationError, StoreUnavailableError
from webhook_app.inbox import Inbox, migrate
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import CheckContext

ERROR_BELOW, WARNING_BELOW = 100, 1000  # MB of free space


def database(context: CheckContext) -> Iterator[Finding]:
    """Check that the database answers, has every table, column and index, and allows enough connections."""
    inbox = context.inbox
    try:
        if fault := migrate.fault(inbox.database):
            yield Finding("database", Severity.ERROR, fault, "Run: python -m webhook_app migrate")
            return
        warnings = inbox.database.warnings(context.config.web_concurrency)
    except (StoreUnavailableError, ConfigurationError) as error:
        text = f"The database does not answer: {error}."
        yield Finding("database", Severity.ERROR, text, "Check DATABASE_URL, and that the database server is running.")
        return
    engine = inbox.database.engine.dialect.name
    yield Finding("database", Severity.OK, f"The database ({engine}) answers and is migrated ({migrate.head()}).")
    for warning in warnings:
        yield Finding("database", Severity.WARNING, warning, "See the warning above.")


def disk(context: CheckContext) -> Iterator[Finding]:
    """Check the folder of an SQLite inbox; the disk of a PostgreSQL server cannot be seen from here."""
    url = context.config.database_url
    if url.startswith(SQLITE):
        path = url.removeprefix(SQLITE)
        yield from _folder("disk", "inbox", path)
        if settings.is_ephemeral(path):
            text = "The inbox is on the disk of a dyno, which is emptied at every restart: events would be lost."
            advice = "Add a database: heroku addons:create heroku-postgresql:essential-0"
            yield Finding("disk", Severity.ERROR, text, advice)


def spool(context: CheckContext) -> Iterator[Finding]:
    """Check the disk of the spool, and whether it holds events."""
    path = context.config.spool
    if not path:
        return
    yield from _folder("spool", "spool", path)
    if settings.is_ephemeral(path):
        text = "The spool is on the disk of a dyno, which is emptied at every restart: accepted events would be lost."
        yield Finding("spool", Severity.ERROR, text, "Remove SPOOL, or put it on a persistent disk.")
    elif count := _spooled(path):
        text = f"Accepted events that wait in the spool for the database: {count}."
        advice = "A running web process moves them into the database once it answers again."
        yield Finding("spool", Severity.WARNING, text, advice)


def _folder(check: str, what: str, path: str) -> Iterator[Finding]:
    # Migrating creates the folders that are missing.
    folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
    try:
        free = shutil.disk_usage(folder).free // 1_000_000
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can be written")
    except OSError as error:
        text = f"The folder of the {what} ({folder}) is not writable: {error.strerror}."
        yield Finding(check, Severity.ERROR, text, "Give the user of this process write permission there.")
        return
    yield _free_space(check, what, free)


def _free_space(check: str, what: str, free: int) -> Finding:
    """Judge the free space of a folder, in MB."""
    if free >= WARNING_BELOW:
        return Finding(check, Severity.OK, f"The folder of the {what} is writable; {free / 1000:.1f} GB are free.")
    severity = Severity.ERROR if free < ERROR_BELOW else Severity.WARNING
    text = f"Only {free} MB are free on the disk of the {what}; once it is full, every webhook is answered with 503."
    return Finding(check, severity, text, "Free some space, or store less: KEEP_BODIES, KEEP_ROWS.")


def _spooled(path: str) -> int:
    if not Path(path).exists():
        return 0
    with closing(Inbox(f"{SQLITE}{path}")) as inbox:
        try:
            return sum(stored_deliveries.counts(inbox).values())
        except StoreUnavailableError:
            return 0
