"""The files of an SQLite database as a process has them open, and whether they are still the ones at their paths.

A file that is deleted or replaced lives on, without a name, for the processes that have it open: what they write there
is lost. So each transaction compares device and inode before it begins, and again after its commit.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from webhook_app.inbox.engines.file_changes import Change
from webhook_app.inbox.engines.file_handles import FileHandle, id_of, paths_of, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.inbox.engines.file_handles import FileId

OTHERS = 0o077  # permissions of all but the owner
READ_TIMEOUT = 1.0  # seconds; readers only wait while another process opens or closes the database
PRAGMAS = (
    # A commit is on disk before the webhook is answered: https://sqlite.org/pragma.html#pragma_synchronous
    "PRAGMA synchronous=FULL",
    # Deleted data must not stay readable in free pages: https://sqlite.org/pragma.html#pragma_secure_delete
    "PRAGMA secure_delete=ON",
    # A write-ahead log that grew during a long read is cut when it begins anew.
    "PRAGMA journal_size_limit=16777216",
)
WAL = "PRAGMA journal_mode=WAL"
INDEX_SIZE = 32 * 1024  # bytes, at the least


class OpenFile:
    """A database that this process has open, with its write-ahead log and the log's index."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`, which must exist. Raises sqlite3.Error and OSError."""
        self._path, self._log_path, self._index_path = paths = paths_of(path)
        self.users, self.is_retired, self._is_closed = 0, False, False
        self.log_size = 0  # bytes, when the files were compared last
        self._mutex = threading.Lock()
        self._handle = FileHandle.of(self._path)
        try:
            self._own = self._first_connection()
        except BaseException:
            self._handle.release()
            raise
        self._counter = self._handle.counter() or 0
        self._log, self._index = [id_of(status_of(one)) for one in paths[1:]]

    def connect(self) -> sqlite3.Connection:
        """Open a connection to the same files. Raises sqlite3.Error, also where they have changed."""
        connection = connect(self._path, "PRAGMA schema_version")  # which opens log and index
        if change := self.change():
            connection.close()
            raise sqlite3.OperationalError(f"the database file was changed while it was opened ({change})")
        return connection

    def change(self) -> Change | None:
        """Return what happened to the files since they were opened, None if nothing did."""
        main = status_of(self._path)
        if main is None:
            return Change.MISSING
        if id_of(main) != self._handle.id:
            return Change.REPLACED
        if self._went_back():
            return Change.OVERWRITTEN
        log = status_of(self._log_path)
        if id_of(log) != self._log or id_of(status_of(self._index_path)) != self._index:
            return Change.LOG_REMOVED
        self.log_size = log.st_size if log else 0
        return None

    def checkpoint(self, mode: str) -> bool:
        """Write the log into the file, as far as that is possible without waiting; returns whether all of it was.

        Raises sqlite3.Error.
        """
        with self._mutex:
            busy, frames, written = self._own.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return not busy and frames == written

    def save_log(self) -> bool:
        """Write a log that lost its path into the file, without waiting; returns whether nothing of it is left.

        One that is still at its path stays there: with a new index it may hold more by now.
        """
        if id_of(status_of(self._log_path)) == self._log:
            return True
        try:
            saved = self.checkpoint("TRUNCATE")
        except sqlite3.Error:
            saved = True  # it was emptied by discard_log()
        if saved:
            _unlink(self._index_path, self._index)
        return saved

    def discard_log(self) -> None:
        """Remove log and index of a file that was overwritten: they do not fit its content. Raises OSError.

        The log is emptied first, so that no process that still has it open can write it into the file.
        """
        if self._log and id_of(status_of(self._log_path)) == self._log:
            os.truncate(self._log_path, 0)
        self.leave_no_log()

    def leave_no_log(self) -> None:
        """Remove log and index of this file from the path, where another file is by now. Raises OSError."""
        _, log_path, index_path = paths_of(Path(self._path))  # a link may point elsewhere
        _unlink(log_path, self._log)
        _unlink(index_path, self._index)

    def retire(self, close_idle: Callable[[], None]) -> None:
        """Close the file as soon as no block uses it, without harm to another one at its path."""
        if self.change() is Change.REPLACED:
            self._handle.protect_log_at_path()
        self.is_retired = True
        close_idle()
        self._own.close()
        self._count(0)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the file from being closed until the block, and with it its connection, has ended."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._mutex:
            self.users += more
            if self.is_retired and not self.users and not self._is_closed:
                self._is_closed = True
                self._handle.release()

    def _first_connection(self) -> sqlite3.Connection:
        """Open the connection for checkpoints. It is open for as long as the file, which gives log and index a path."""
        if self._handle.counter() is None:
            raise sqlite3.DatabaseError("the file is empty, or no SQLite database")
        connection = connect(self._path, WAL, "PRAGMA schema_version", "PRAGMA busy_timeout=0")
        if id_of(status_of(self._path)) == self._handle.id:
            return connection
        connection.close()
        raise sqlite3.OperationalError("the database file was replaced while it was opened")

    def _went_back(self) -> bool:
        """Return whether another content was written into the file; it is read twice.

        No transaction lowers the change counter, nor makes the file one without a log, as backups are.
        """
        for _ in range(2):
            counter = self._handle.counter(with_log=True)
            if counter is not None and counter >= self._counter:
                self._counter = counter
                return False
        return True


def connect(path: str, *more: str) -> sqlite3.Connection:
    """Open a connection to a file that exists, and run the pragmas and `more`. Raises sqlite3.Error."""
    # The driver must not open transactions by itself.
    connection = sqlite3.connect(
        f"file:{quote(path)}?mode=rw", timeout=READ_TIMEOUT, isolation_level=None, check_same_thread=False, uri=True
    )
    try:
        for statement in (*PRAGMAS, *more):
            connection.execute(statement).close()
    except BaseException:
        connection.close()
        raise
    return connection


def make_private(path: Path) -> None:
    """Let the file of a database, its log and its index be read by their owner alone: bodies hold personal data.

    Another owner's files stay as they are. For a file that was opened: DATABASE_URL may name a folder, or any file.
    """
    for place in paths_of(path):
        with suppress(OSError):
            if stat.S_IMODE(os.stat(place).st_mode) & OTHERS:  # noqa: PTH116 - as everywhere here
                Path(place).chmod(0o600)


def is_disk_full(path: Path) -> bool:
    """Return whether the disk has no room for the index of the log, or for another file."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < INDEX_SIZE or bool(found.f_files and not found.f_favail)


def _unlink(path: str, own: FileId | None) -> None:
    """Remove the file at a path, if it is that one. Raises OSError."""
    if own and id_of(status_of(path)) == own:
        Path(path).unlink()
