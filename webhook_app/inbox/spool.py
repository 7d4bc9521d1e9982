"""The spool: where deliveries wait on this machine's disk while the database is away."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from webhook_app import green_threads, logs
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import migrate
from webhook_app.inbox.delivery import NewDelivery
from webhook_app.inbox.engines.group_commit import GroupCommit
from webhook_app.inbox.store import Inbox
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.inbox.delivery import StoreResult

PAGE = 16  # deliveries taken back in one transaction; each may be as large as MAX_BODY
SOONEST, LATEST = 1.0, 5.0  # seconds between two looks whether the database is back
LOOK_EVERY = 30.0  # seconds between two looks whether another process left anything
SPOOLED = ("shop", "platform", "topic", "identity", "domain", "received_at")

OLDEST = (
    select(deliveries.c.id, *(deliveries.c[name] for name in SPOOLED), bodies.c.headers, bodies.c.body)
    .join(bodies, bodies.c.delivery_id == deliveries.c.id)
    .order_by(deliveries.c.id)
    .limit(PAGE)
)


class Spool:
    """Keeps in the inbox, and while that fails in an SQLite inbox of this machine's own, from which it drains.

    All web processes of a machine share the file, and one of them drains at a time. Once the database failed no
    webhook waits for it again: a thread of this process's own looks whether it is back.
    """

    def __init__(self, path: str, inbox: Inbox) -> None:
        """`path` is the file's; nothing is opened yet."""
        self._inbox, self._lock = inbox, Path(f"{path}-draining")
        self._file = Inbox(f"sqlite:///{path}", clock=inbox.clock)
        self._keeping: GroupCommit[NewDelivery, StoreResult] = GroupCommit(
            self._keep_all, green_threads.wait_until_idle, self._notify_now
        )
        self._opening, self._opened, self._away = threading.Lock(), False, False
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.logger()

    def start(self) -> None:
        """Drain from now on as often as there is anything, also what a crash left."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let go of the file; what is in it stays there."""
        self._ended.set()
        self._wanted.set()
        if self._thread:
            self._thread.join()
        self._file.close()

    def open(self) -> None:
        """Make the file where there is none. Raises StoreUnavailableError where it cannot be used."""
        with self._opening:
            if not self._opened:
                migrate.upgrade(self._file.database)
                self._opened = True

    def store(self, arrival: NewDelivery) -> StoreResult:
        """Store `arrival` once, in the inbox or in the spool; returns after the commit is on disk."""
        return self._keeping.submit(arrival)

    def is_needed(self) -> bool:
        """Tell whether the database is away. Raises StoreUnavailableError where the spool does not work then."""
        if not self._away:
            try:
                migrate.is_current(self._inbox.database)
            except StoreUnavailableError as error:
                self._begin(error)
        if self._away:
            self._is_empty()
        return self._away

    def drain(self) -> int:
        """Take what is spooled into the inbox, oldest first, unless another process does; returns how much it was.

        Raises StoreUnavailableError. What was taken and could not be deleted is taken again, which changes nothing.
        """
        self.open()
        count = 0
        with self._alone() as alone:
            while alone and (page := self._oldest()):
                self._take_back(page)
                count += len(page)
            if count:
                self._file.database.forget()
        return count

    def _keep_all(self, arrivals: Sequence[NewDelivery]) -> list[StoreResult]:
        if not self._away:
            try:
                return self._inbox.store_all(arrivals)
            except StoreUnavailableError as error:
                self._begin(error)
        self.open()
        kept = self._file.store_all(arrivals)
        self._wanted.set()
        return [replace(one, spooled=True) for one in kept]

    def _notify_now(self) -> None:
        if not self._away:
            self._inbox.wakeups.notify()

    def _begin(self, error: StoreUnavailableError) -> None:
        if not self._away:
            self._log.warning("spooling_started", error=str(error))
        self._away = True
        self._wanted.set()

    def _watch(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            if self._look():
                self._wanted.wait(LOOK_EVERY)
                self._wanted.clear()
                pause = SOONEST
            else:
                pause = min(max(2 * pause, SOONEST), LATEST)

    def _look(self) -> bool:
        """Drain what can be drained; tells whether the database is there and nothing is left."""
        try:
            if count := self.drain():
                self._log.info("spool_drained", count=count)
            if self._away:
                self._away = not migrate.is_current(self._inbox.database)
            return not self._away and self._is_empty()
        except StoreUnavailableError as error:
            if not self._away:
                self._log.warning("spool_unavailable", error=str(error))
            return False

    def _take_back(self, page: Mapping[int, NewDelivery]) -> None:
        try:
            self._inbox.store_all(list(page.values()))
        except StoreUnavailableError as error:
            self._begin(error)
            raise
        self._away = False
        self._notify_now()
        with self._file.database.writing() as connection:
            connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(page)))
            connection.execute(delete(deliveries).where(deliveries.c.id.in_(page)))

    def _oldest(self) -> dict[int, NewDelivery]:
        """Return the oldest deliveries by their number in the file, as they arrived."""
        with self._file.database.reading() as connection:
            rows = connection.execute(OLDEST).all()
        return {
            row.id: NewDelivery(
                **{name: getattr(row, name) for name in SPOOLED}, headers=json.loads(row.headers), body=row.body
            )
            for row in rows
        }

    def _is_empty(self) -> bool:
        self.open()
        with self._file.database.reading() as connection:
            return connection.scalar(select(deliveries.c.id).limit(1)) is None

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Keep other processes from draining; False where one of them does."""
        with self._file.database.translated():
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield _is_taken(lock)
        finally:
            os.close(lock)


def _is_taken(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
