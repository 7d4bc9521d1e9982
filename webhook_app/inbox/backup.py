"""Copies an SQLite inbox while receivers and workers go on: one moment of it, checked, under its name only at the end.

SQLite's backup interface copies the pages in steps, inside one transaction that reads: writers are never waited for and
never wait, and the copy is the moment at which it began. (VACUUM INTO would show no progress and could not be compared
with the rows of the same moment; a backup without the transaction would begin again with each write.)
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from webhook_app.errors import BackupRefusedError
from webhook_app.inbox.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from webhook_app.inbox.engines.database import Database

PAGES, PAUSE = 256, 0.001  # 1 MiB a step; seconds between two, for the disk to serve others
PARTIAL, BESIDE = ".partial", ("-journal", "-wal", "-shm")
REVISION = "SELECT version_num FROM alembic_version"


def copy(database: Database, target: Path, progress: Callable[[int, int], None]) -> dict[str, int]:
    """Write a verified copy to `target`, replacing what is there; returns its rows by table.

    `progress` gets how many pages are left, and how many there are. Raises BackupRefusedError, StoreUnavailableError.
    """
    partial = target.with_name(target.name + PARTIAL)
    with _as_refusal(target), _partial_file(partial) as descriptor:
        with database.read() as connection:
            driver: Any = connection.connection.driver_connection
            expected = _summary(driver)
            with _as_refusal(target):
                _copy_pages(driver, partial, progress)
        _verify(partial, expected)
        os.fsync(descriptor)
        partial.replace(target)
        _sync_folder(target.parent)
    return expected[1]


@contextmanager
def _as_refusal(target: Path) -> Iterator[None]:
    """Turn errors in writing the copy into BackupRefusedError."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BackupRefusedError(f"{target} cannot be written: {why}") from None


@contextmanager
def _partial_file(path: Path) -> Iterator[int]:
    """Create an empty file that only this user can read, or take over what a killed backup left."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _is_locked(descriptor):
            raise BackupRefusedError(f"another backup is being written to {path}")
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        _remove(*(path.with_name(path.name + suffix) for suffix in BESIDE))
        try:
            yield descriptor
        except BaseException:
            _remove(path)
            raise
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _copy_pages(source: sqlite3.Connection, target: Path, progress: Callable[[int, int], None]) -> None:
    def step(_status: int, remaining: int, total: int) -> None:
        progress(remaining, total)
        time.sleep(PAUSE)

    with closing(sqlite3.connect(target, isolation_level=None)) as copied:
        source.backup(copied, pages=PAGES, progress=step)
        # The copy is one file: without a write-ahead log it can be moved and read by itself.
        copied.execute("PRAGMA journal_mode=DELETE").close()


def _verify(path: Path, expected: tuple[str, dict[str, int]]) -> None:
    with closing(sqlite3.connect(path)) as copied:
        found = [str(row[0]) for row in copied.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            raise BackupRefusedError(f"the database is damaged: {'; '.join(found)}")
        if _summary(copied) != expected:
            raise BackupRefusedError("the copy differs from the database")


def _summary(driver: sqlite3.Connection) -> tuple[str, dict[str, int]]:
    """Return the revision of the schema, and the rows of each table."""
    (revision,) = driver.execute(REVISION).fetchone()
    return revision, {
        name: driver.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - names of this project
        for name in metadata.tables
    }


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
