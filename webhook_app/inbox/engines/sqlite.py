"""SQLite, the embedded default: how it is opened, and how its writers wait for each other."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from webhook_app import green_threads, logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.engines import deadlines, file_creation, foreign_logs, sqlite_files
from webhook_app.inbox.engines.database import Database
from webhook_app.inbox.engines.file_changes import ASIDE_HINT, CREATE_OR_RESTORE, HINTS, LARGE_LOG_HINT, Change, changed
from webhook_app.inbox.engines.file_handles import status_of
from webhook_app.inbox.engines.sqlite_files import OpenFile
from webhook_app.inbox.engines.wakeup_sockets import OLD_PIPE, SocketChannel, remove_unused_pipe
from webhook_app.inbox.engines.write_lock import WriteLock, begin_immediate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

WRITE_WITHIN = 5.0  # seconds to wait for other writers, where no webhook waits; a worker and a command then say so
REOPEN_WITHIN = 0.2  # seconds that a reader waits to open a changed file again
OPEN_WITHIN = 1.0  # seconds that it waits for the lock when it opens the first one
LARGE_LOG = 64 * 1024 * 1024  # bytes
REPORT_LOG_EVERY = 600.0  # seconds
READING = f"PRAGMA busy_timeout={int(sqlite_files.READ_TIMEOUT * 1000)}"
# The wait for a lock would stop every green thread of the process, so write() waits by itself.
NOT_WAITING = "PRAGMA busy_timeout=0"
SYNCED = "PRAGMA synchronous=FULL"
# The commit stays in the write-ahead log, which the next synced commit takes to the disk.
NOT_SYNCED = "PRAGMA synchronous=NORMAL"

READ_ONLY = "readonly database"  # part of SQLite's message
FILE_ERROR = re.compile("disk I/O error|unable to open database file|the file is empty")

WRITE_LOCK = "-turn"  # an old name: processes of an older version share the file during a rolling release


class Sqlite(Database):
    """An inbox in one file, for any number of processes of one machine."""

    driver_error = sqlite3.Error

    def __init__(self, url: str, on_commit: Callable[[float], None], clock: Callable[[], int]) -> None:
        """`url` is sqlite:///<path>; `clock` is the machine's, which all processes that use the file share."""
        self.on_commit, self.clock = on_commit, clock
        self.path = Path(make_url(url).database or "")
        # Without the parameters: the text of an error must never carry a body into a log.
        self.engine = create_engine(url, hide_parameters=True, pool_size=64, creator=self._connect)
        self._write_lock = WriteLock(self._beside(WRITE_LOCK))
        self._file: OpenFile | None = None
        self._opening = threading.Lock()
        self._change: Change | None = None  # that was logged, and is not over
        self._report_log_at = 0.0
        self._log = logs.logger()

    @contextmanager
    def read(
        self,
        *,
        hot: bool = False,  # noqa: ARG002 - there is one plan for every size
        reserved: bool = False,  # noqa: ARG002 - there are enough connections
    ) -> Iterator[Connection]:
        """Open a transaction that only reads: all its statements see the same moment. Raises StoreUnavailableError."""
        with self.unavailable_on_error(), self._using(self._file_for_reading()) as connection:
            cursor = connection.connection.cursor()
            cursor.execute(READING)
            cursor.execute("BEGIN")
            yield connection

    @contextmanager
    def write(
        self,
        *,
        durable: bool = True,
        hot: bool = False,  # noqa: ARG002 - as above
        one_statement: bool = False,  # noqa: ARG002 - there are no round trips to save
    ) -> Iterator[Connection]:
        """Open a transaction that writes, under the write lock. Raises StoreUnavailableError."""
        with self.unavailable_on_error(), self._locked() as deadline:
            file = self._checked_file()
            try:
                with self._using(file) as connection:
                    cursor = connection.connection.cursor()
                    cursor.execute(NOT_WAITING)
                    cursor.execute(SYNCED if durable else NOT_SYNCED)
                    begin_immediate(cursor, deadline)
                    with self._committed(connection, durable=durable):
                        yield connection
                    self._check_commit(file)
            except (sqlite3.OperationalError, OperationalError) as error:
                if READ_ONLY in str(error):
                    self._close_read_only(file)
                raise

    def now(self, connection: Connection) -> int:  # noqa: ARG002 - the file has no clock
        """Return the machine's time; in a transaction that writes it is read under the write lock."""
        return self.clock()

    def advice(self, message: str) -> str:
        """Return what to do: where the log's index does not fit on a full disk, SQLite reports another error."""
        is_full = FILE_ERROR.match(message) and sqlite_files.is_disk_full(self.path)
        return super().advice("disk is full" if is_full else message)

    def prepare(self) -> None:
        """Create the folder and the file where they are missing."""
        with self.unavailable_on_error():
            file_creation.make_folder(self.path.parent)
            if file_creation.holds_nothing(self.path):
                with self._locked():
                    file_creation.create(self.path)
            remove_unused_pipe(self._beside(OLD_PIPE))

    def exists(self) -> bool:
        """Return whether the file exists. Raises StoreUnavailableError where that cannot be known."""
        with self.unavailable_on_error():
            return status_of(str(self.path)) is not None

    def erase_deleted(self, deleted_at: int | None = None) -> bool:
        """Write the write-ahead log into the file, where deleted content is overwritten, and truncate it.

        Waits for no reader: one that has been reading since before prevents the truncation, and the next call makes up
        for it. Returns whether nothing was left. With `deleted_at`, logs of other files that were set aside go too:
        they may hold the same.
        """
        if deleted_at is not None:
            self.remove_unused_logs(0.0)
        with self.unavailable_on_error():
            file = self._file_for_reading()
            with file.used():
                file.checkpoint("PASSIVE")  # most of the work, beside the writers
                with self._locked():
                    return file.checkpoint("TRUNCATE")

    def remove_unused_logs(self, older_than: float) -> None:
        """Delete logs that were set aside so many seconds ago: they hold personal data."""
        with self.unavailable_on_error():
            for path in foreign_logs.remove_unused_logs(self.path, older_than):
                self._log.warning("database_log_removed", path=str(path))

    def wakeups(self) -> SocketChannel:
        """Return a channel in a folder beside the file."""
        return SocketChannel(self.path)

    def close(self) -> None:
        """Close every connection."""
        with self._opening:
            if self._file:
                self._file.retire(self.engine.dispose)
            self._file = None
        self._write_lock.close()

    @contextmanager
    def _locked(self, within: float | None = None) -> Iterator[float]:
        """Hold the write lock; gives the time until which to wait for SQLite's own."""
        seconds = within or deadlines.seconds_left(deadlines.WITHIN if green_threads.active() else WRITE_WITHIN)
        deadline = time.monotonic() + seconds
        try:
            self._write_lock.acquire(seconds)
        except FileNotFoundError:  # the folder is gone
            self._report(Change.MISSING)
            raise changed(Change.MISSING) from None
        try:
            yield deadline
        finally:
            self._write_lock.release()

    @contextmanager
    def _using(self, file: OpenFile) -> Iterator[Connection]:
        with file.used(), self.engine.connect() as connection:
            try:
                yield connection
            finally:
                if file.is_retired:
                    connection.invalidate()

    def _connect(self) -> sqlite3.Connection:
        if self._file is None:
            raise sqlite3.OperationalError("the database is closed")
        return self._file.connect()

    def _file_for_reading(self) -> OpenFile:
        """Return the file that is at the path; opening a changed one needs the write lock."""
        if self._file is None:
            return self._first_file()
        change = self._file.change()
        if change is None or change is Change.MISSING:
            return self._open(change)
        with self._locked(REOPEN_WITHIN):
            return self._checked_file()

    def _first_file(self) -> OpenFile:
        """Open the file, under the write lock unless that is not to be had: reading must not depend on a writer."""
        with ExitStack() as lock:
            try:
                lock.enter_context(self._locked(OPEN_WITHIN))
            except (StoreUnavailableError, OSError):
                return self._open(None)
            return self._checked_file()

    def _checked_file(self) -> OpenFile:
        """Return the file that is at the path, under the write lock. Raises StoreUnavailableError without one."""
        if self._file is None:
            self._set_log_aside()
        before, file = self._file, self._open(self._file.change() if self._file else None)
        if file is not before and (pair := foreign_logs.pairing(self.path)) != self._write_lock.note():
            self._write_lock.write_note(pair)
        return file

    def _set_log_aside(self) -> None:
        if aside := foreign_logs.set_log_aside(self.path, self._write_lock.note()):
            self._log.error("database_log_set_aside", path=str(aside), hint=ASIDE_HINT)

    def _open(self, change: Change | None) -> OpenFile:
        if self._file and change is None and self._change is None:
            return self._file
        with self._opening:
            if change:
                self._give_up(change)
            if self._file is None:
                self._file = _opened(self.path)
            if self._change:
                self._log.info("database_file_opened", path=str(self.path))
            self._change = None
            return self._file

    def _give_up(self, change: Change) -> None:
        """Close a file that is not the one at the path any more. Raises StoreUnavailableError where that must wait."""
        file = self._file
        if file is None:
            return
        self._report(change)
        if change is Change.REPLACED:
            with suppress(sqlite3.Error):
                file.checkpoint("PASSIVE")  # so that it is complete, wherever it was moved
            file.leave_no_log()
        elif change is Change.MISSING or file.users or (change is Change.LOG_REMOVED and not file.save_log()):
            # Connections of a process to the same file share its index: all are closed before it is opened again.
            raise changed(change)
        elif change is Change.OVERWRITTEN:
            file.discard_log()
        self._file = None
        file.retire(self.engine.dispose)

    def _close_read_only(self, file: OpenFile) -> None:
        """Let the file be opened anew: SQLite opens one that it cannot write for reading, and would not try again."""
        with self._opening:
            if file is self._file and not file.users:
                self._file = None
                file.retire(self.engine.dispose)

    def _check_commit(self, file: OpenFile) -> None:
        """Check that what was committed is in the file at the path. Raises StoreUnavailableError."""
        if change := file.change():
            self._report(change)
            raise changed(change)
        if file.log_size > LARGE_LOG and time.monotonic() > self._report_log_at:
            self._report_log_at = time.monotonic() + REPORT_LOG_EVERY
            self._log.warning("database_log_large", megabytes=file.log_size // 1_000_000, hint=LARGE_LOG_HINT)

    def _report(self, change: Change) -> None:
        if change != self._change:
            self._log.error("database_file_changed", what=str(change), path=str(self.path), hint=HINTS[change])
        self._change = change

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


def _opened(path: Path) -> OpenFile:
    try:
        file = OpenFile(path)
    except FileNotFoundError:
        raise StoreUnavailableError(f"there is no database at {path}", advice=CREATE_OR_RESTORE) from None
    sqlite_files.make_private(path)
    return file
