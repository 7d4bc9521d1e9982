"""The spool: stores deliveries on this machine's disk while the database is unavailable."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from webhook_app import green_threads, logs
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.inbox import migrate
from webhook_app.inbox.delivery import NewDelivery
from webhook_app.inbox.engines import deadlines
from webhook_app.inbox.engines.group_commit import GroupCommit
from webhook_app.inbox.store import Inbox
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.inbox.delivery import StoreResult

PAGE = 16  # deliveries that are drained in one transaction; each may be as large as MAX_BODY
RETRY_AFTER, MAX_RETRY_AFTER = 1.0, 5.0  # seconds between two attempts to reach the database and drain
CHECK_INTERVAL = 30.0  # seconds between two checks for deliveries that another process has left
SPOOLED = ("shop", "platform", "topic", "identity", "domain", "received_at")

OLDEST = (
    select(deliveries.c.id, *(deliveries.c[name] for name in SPOOLED), bodies.c.headers, bodies.c.body)
    .join(bodies, bodies.c.delivery_id == deliveries.c.id)
    .order_by(deliveries.c.id)
    .limit(PAGE)
)


def remove_unused_logs(path: str) -> None:
    """Delete write-ahead logs of the spool at `path` that were set aside. Raises StoreUnavailableError."""
    with closing(Inbox(f"sqlite:///{path}")) as spool:
        spool.database.remove_unused_logs(0.0)


def count(path: str) -> int:
    """Count the deliveries in the spool at `path`, 0 where there is no file. Raises StoreUnavailableError."""
    if not Path(path).exists():
        return 0
    with closing(Inbox(f"sqlite:///{path}")) as spool, spool.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(deliveries)).scalar_one())


def holds_until(path: str, moment: int) -> bool:
    """Return whether the spool at `path` has deliveries received until a moment. Raises StoreUnavailableError."""
    if not Path(path).exists():
        return False
    with closing(Inbox(f"sqlite:///{path}")) as spool, spool.database.read() as connection:
        older = select(deliveries.c.id).where(deliveries.c.received_at <= moment)
        return connection.scalar(older.limit(1)) is not None


class Spool:
    """Stores in the inbox, or while that fails in an SQLite inbox on this machine, which is drained later.

    All web processes of a machine share the file, and one of them drains at a time. Once the database has failed, no
    webhook waits for it: a background thread of each process checks whether it is back.
    """

    def __init__(self, path: str, inbox: Inbox) -> None:
        """`path` is the file's; nothing is opened yet."""
        self._inbox, self._lock = inbox, Path(f"{path}-draining")
        self._file = Inbox(f"sqlite:///{path}", clock=inbox.clock)
        self._storing: GroupCommit[NewDelivery, StoreResult] = GroupCommit(
            self._store_all, green_threads.wait_until_idle, self._notify, deadlines.for_webhook, inbox.on_stored
        )
        self._opening, self._opened, self._spooling = threading.Lock(), False, False
        self._erased = False  # whether nothing that was drained is left in the file's write-ahead log
        self._check_now, self._closed = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.logger()

    def start(self) -> None:
        """Start the thread that drains, including what an earlier process left."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and close the file; undrained deliveries stay in it."""
        self._closed.set()
        self._check_now.set()
        if self._thread:
            self._thread.join()
        self._file.close()

    def open(self) -> None:
        """Create the file where there is none. Raises StoreUnavailableError where it cannot be used."""
        with self._opening:
            if not self._opened:
                migrate.upgrade(self._file.database)
                self._opened = True

    def store(self, arrival: NewDelivery) -> StoreResult:
        """Store `arrival` once, in the inbox or in the spool; returns after the commit is on disk."""
        return self._storing.submit(arrival)

    def is_needed(self) -> bool:
        """Return whether the database is unavailable.

        Raises StoreUnavailableError where the spool is unusable too, and OverloadedError where that is not known.
        """
        if not self._spooling:
            try:
                migrate.is_current(self._inbox.database)
            except OverloadedError:
                raise
            except StoreUnavailableError as error:
                self._start_spooling(error)
        if self._spooling:
            self._is_empty()
        return self._spooling

    def drain(self) -> int:
        """Move spooled deliveries to the inbox, oldest first, unless another process does; returns how many.

        Raises StoreUnavailableError. What was moved but not deleted is moved again, which changes nothing.
        """
        self.open()
        count = 0
        with self._exclusive() as exclusive:
            while exclusive and (page := self._oldest()):
                self._move(page)
                count += len(page)
                self._erased = False
            if exclusive and not self._erased:
                self._erased = self._file.database.erase_deleted()
        return count

    def _store_all(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        if not self._spooling:
            try:
                return self._inbox.store_all(arrivals)
            except OverloadedError:
                pass  # no outage: the file takes this group, and the next one goes to the database again
            except StoreUnavailableError as error:
                self._start_spooling(error)
        self.open()
        results = self._file.store_all(arrivals)
        self._check_now.set()
        return [replace(result, spooled=True) for result in results]

    def _notify(self) -> None:
        if not self._spooling:
            self._inbox.wakeups.notify()

    def _start_spooling(self, error: StoreUnavailableError) -> None:
        if not self._spooling:
            self._log.warning("spooling_started", error=str(error))
        self._spooling = True
        self._check_now.set()

    def _run(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            if self._check():
                self._check_now.wait(CHECK_INTERVAL)
                self._check_now.clear()
                pause = RETRY_AFTER
            else:
                pause = min(max(2 * pause, RETRY_AFTER), MAX_RETRY_AFTER)

    def _check(self) -> bool:
        """Drain what can be drained; returns whether the database is available and the spool empty."""
        try:
            if count := self.drain():
                self._log.info("spool_drained", count=count)
            if self._spooling:
                self._spooling = not migrate.is_current(self._inbox.database)
            return not self._spooling and self._erased and self._is_empty()
        except StoreUnavailableError as error:
            if not self._spooling:
                self._log.warning("spool_unavailable", error=str(error))
            return False

    def _move(self, page: Mapping[int, NewDelivery]) -> None:
        try:
            self._inbox.store_all(list(page.values()))
        except StoreUnavailableError as error:
            self._start_spooling(error)
            raise
        self._spooling = False
        self._notify()
        with self._file.database.write() as connection:
            connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(page)))
            connection.execute(delete(deliveries).where(deliveries.c.id.in_(page)))

    def _oldest(self) -> dict[int, NewDelivery]:
        """Return the oldest deliveries by their number in the file, as they arrived."""
        with self._file.database.read() as connection:
            rows = connection.execute(OLDEST).all()
        return {
            row.id: NewDelivery(
                **{name: getattr(row, name) for name in SPOOLED}, headers=json.loads(row.headers), body=row.body
            )
            for row in rows
        }

    def _is_empty(self) -> bool:
        self.open()
        with self._file.database.read() as connection:
            return connection.scalar(select(deliveries.c.id).limit(1)) is None

    @contextmanager
    def _exclusive(self) -> Iterator[bool]:
        """Keep other processes from draining; gives False while one of them drains."""
        with self._file.database.unavailable_on_error():
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _acquired(lock)
        finally:
            os.close(lock)


def _acquired(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
