"""SQLite, the embedded default: how it is opened, and how its writers wait for each other."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url

from webhook_app import green_threads
from webhook_app.inbox.engines.database import Database
from webhook_app.inbox.engines.notifications import NamedPipeChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

BUSY_TIMEOUT = 5000  # milliseconds; only for programs that do not use the write lock, such as the sqlite3 shell

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # A commit is on disk before the webhook is answered: https://sqlite.org/pragma.html#pragma_synchronous
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT}",
    # Deleted data must not stay readable in free pages: https://sqlite.org/pragma.html#pragma_secure_delete
    "PRAGMA secure_delete=ON",
)
SYNCED = "PRAGMA synchronous=FULL"
# The commit stays in the write-ahead log, which the next synced commit takes to the disk.
NOT_SYNCED = "PRAGMA synchronous=NORMAL"

# These names stay although they are old: processes of the previous version share the files during a rolling release.
WRITE_LOCK, NAMED_PIPE = "-turn", "-bell"


class Sqlite(Database):
    """An inbox in one file, for any number of processes of one machine."""

    driver_error = sqlite3.Error

    def __init__(self, url: str, on_commit: Callable[[float], None], clock: Callable[[], int]) -> None:
        """`url` is sqlite:///<path>; `clock` is the machine's, which all processes that use the file share."""
        self.on_commit, self.clock = on_commit, clock
        self.path = Path(make_url(url).database or "")
        # Without the parameters: the text of an error must never carry a body into a log.
        self.engine = create_engine(url, hide_parameters=True, pool_size=64)
        self._write_lock = _WriteLock(self._beside(WRITE_LOCK))
        event.listen(self.engine, "connect", _configure)

    @contextmanager
    def read(
        self,
        *,
        hot: bool = False,  # noqa: ARG002 - there is one plan for every size
        reserved: bool = False,  # noqa: ARG002 - there are enough connections
    ) -> Iterator[Connection]:
        """Open a transaction that only reads: all its statements see the same moment. Raises StoreUnavailableError."""
        with self.unavailable_on_error(), self.engine.connect() as connection:
            connection.connection.cursor().execute("BEGIN")
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
        with self.unavailable_on_error(), self._write_lock, self.engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(SYNCED if durable else NOT_SYNCED)
            cursor.execute("BEGIN IMMEDIATE")
            with self._committed(connection, durable=durable):
                yield connection

    def now(self, connection: Connection) -> int:  # noqa: ARG002 - the file has no clock
        """Return the machine's time; in a transaction that writes it is read under the write lock."""
        return self.clock()

    def prepare(self) -> None:
        """Create the folder and the file, readable by this user only: bodies hold personal data."""
        with self.unavailable_on_error():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))

    def exists(self) -> bool:
        """Return whether the file exists; connecting would create it."""
        return self.path.exists()

    def erase_deleted(self) -> None:
        """Write the write-ahead log into the file, where deleted content is overwritten, and truncate it.

        A transaction that is reading prevents the truncation; the next call makes up for it.
        """
        with self.unavailable_on_error(), self._write_lock, self.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def wakeups(self) -> NamedPipeChannel:
        """Return a named pipe beside the file."""
        return NamedPipeChannel(self._beside(NAMED_PIPE))

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)


class _WriteLock:
    """A file lock: one writer at a time among all threads and processes of this machine.

    SQLite's own busy handler sleeps and retries; waiting for a file lock wastes no time (measured on two cores with 16
    connections: 2,100 against 1,500 accepts per second).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._file: int | None = None

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _lock(self._file)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.release()


def _lock(file: int) -> None:
    """Wait for the lock; a green thread polls instead, since waiting would block all others of its process."""
    while green_threads.active():
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        green_threads.pause()
    fcntl.flock(file, fcntl.LOCK_EX)


def _configure(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: read() and write() do.
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma).close()
