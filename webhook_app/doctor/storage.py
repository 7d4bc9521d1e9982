"""Checks of where events are kept."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_app.config import settings
from webhook_app.doctor.finding import Finding, Level
from webhook_app.errors import ConfigurationError, StoreUnavailableError
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import Subject

WRONG_BELOW, WARNING_BELOW = 100, 1000  # MB of free space


def database(subject: Subject) -> Iterator[Finding]:
    """Ask the database whether it is there, of the current shape, and large enough."""
    inbox = subject.inbox
    try:
        if not migrate.is_current(inbox.database):
            said = "The database is not of the current shape."
            yield Finding("database", Level.WRONG, said, "Run: python -m webhook_app migrate")
            return
        warnings = inbox.database.warnings(subject.config.web_concurrency)
    except (StoreUnavailableError, ConfigurationError) as error:
        said = f"The database does not answer: {error}."
        yield Finding("database", Level.WRONG, said, "Is DATABASE_URL right, and does the server run?")
        return
    engine = inbox.database.engine.dialect.name
    yield Finding("database", Level.FINE, f"The database ({engine}) answers and is migrated ({migrate.head()}).")
    for warning in warnings:
        yield Finding("database", Level.WARNING, warning, "What to change is said in it.")


def disk(subject: Subject) -> Iterator[Finding]:
    """Look at the folder of an SQLite inbox; a server's disk is the server's business."""
    url = subject.config.database_url
    if url.startswith(settings.SQLITE):
        path = url.removeprefix(settings.SQLITE)
        yield from _place("disk", "inbox", path)
        if settings.is_forgetful(path):
            said = "The inbox lies on a dyno's disk, which is emptied at every restart."
            yield Finding(
                "disk", Level.WRONG, said, "Add a database: heroku addons:create heroku-postgresql:essential-0"
            )


def spool(subject: Subject) -> Iterator[Finding]:
    """Look at the spool's disk, and whether anything waits in it."""
    path = subject.config.spool
    if not path:
        return
    yield from _place("spool", "spool", path)
    if settings.is_forgetful(path):
        said = "The spool lies on a dyno's disk, which is emptied at every restart: acknowledged events would be lost."
        yield Finding("spool", Level.WRONG, said, "Take SPOOL away, or put it on a disk that lasts.")
    elif count := _waiting(path):
        said = f"Acknowledged events that wait in the spool: {count}."
        yield Finding("spool", Level.WARNING, said, "A running web process drains it once the database is back.")


def _place(check: str, what: str, path: str) -> Iterator[Finding]:
    # Migrating makes the folders that are missing.
    folder = next(folder for folder in Path(path).absolute().parents if folder.exists())
    try:
        free = shutil.disk_usage(folder).free // 1_000_000
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"can be written")
    except OSError as error:
        said = f"The folder of the {what} ({folder}) cannot be written to: {error.strerror}."
        yield Finding(check, Level.WRONG, said, "Give this user the right to write there.")
        return
    if free >= WARNING_BELOW:
        yield Finding(check, Level.FINE, f"The folder of the {what} can be written to; {free / 1000:.1f} GB are free.")
        return
    level = Level.WRONG if free < WRONG_BELOW else Level.WARNING
    said = f"Only {free} MB are free where the {what} lies; a full disk means 503 for every webhook."
    yield Finding(check, level, said, "Make room, or keep less: KEEP_BODIES, KEEP_ROWS.")


def _waiting(path: str) -> int:
    if not Path(path).exists():
        return 0
    with closing(Inbox(f"{settings.SQLITE}{path}")) as inbox:
        try:
            return sum(inbox.counts().values())
        except StoreUnavailableError:
            return 0
