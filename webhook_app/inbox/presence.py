"""Which web and worker processes run, and with which version: each records once a minute that it does."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from webhook_app.code_version import code_version
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import processes
from webhook_app.time_units import DAY, MINUTE

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.engines.database import Database
    from webhook_app.inbox.store import Inbox

WEB, WORKER, MIGRATION = "web", "worker", "migration"
EVERY = 60.0  # seconds
MISSING = 5 * MINUTE  # since a process was last seen: then it no longer runs
FORGOTTEN = DAY  # since then: its row is deleted


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and when it was last seen. `listens`: it is woken by notifications, where others can see that."""

    role: str
    version: str
    started_at: int
    seen_at: int
    listens: bool


class Presence:
    """Records one process. Its methods raise StoreUnavailableError where not stated otherwise."""

    def __init__(self, inbox: Inbox, role: str) -> None:
        """Nothing is written before record()."""
        self._inbox, self._role, self._id = inbox, role, secrets.token_hex(8)
        self._version = code_version()
        self._started_at: int | None = None

    def record(self) -> None:
        """Record that this process runs now, and delete those that were not seen for long."""
        listens = self._inbox.wakeups.is_listening
        with self._inbox.database.write(durable=False) as connection:
            now = self._inbox.database.now(connection)
            # A clock that was ahead, and is right now, does not make a process young for ever.
            self._started_at = min(now, self._started_at or now)
            _write(connection, self._id, Process(self._role, self._version, self._started_at, now, listens))
            gone = (processes.c.role != MIGRATION) & ~_seen_within(now, FORGOTTEN)
            connection.execute(delete(processes).where(gone))

    def end(self) -> None:
        """Record that this process ends. Raises nothing: otherwise it is noticed some minutes later."""
        with suppress(StoreUnavailableError), self._inbox.database.write(durable=False) as connection:
            now = self._inbox.database.now(connection)
            connection.execute(update(processes).where(processes.c.id == self._id).values(seen_at=now, ended_at=now))


def record_migration(connection: Connection, now: int) -> None:
    """Record, in the open transaction, which version changed the schema."""
    _write(connection, MIGRATION, Process(MIGRATION, code_version(), now, now, listens=False))


def running(inbox: Inbox) -> list[Process]:
    """Return the processes that run, those that started first at the beginning. Raises StoreUnavailableError."""
    return running_on(inbox.database, inbox.clock())


def running_on(database: Database, now: int) -> list[Process]:
    """Return the processes that run on a database, as running() does."""
    has_ended = processes.c.ended_at.is_not(None)
    alive = (processes.c.role != MIGRATION) & ~has_ended & _seen_within(now, MISSING)
    with database.read() as connection:
        return _read(connection, alive)


def last_migration(inbox: Inbox) -> Process | None:
    """Return the version that last changed the schema, and when. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        return next(iter(_read(connection, processes.c.role == MIGRATION)), None)


def worker_runs(inbox: Inbox) -> bool:
    """Return whether a worker runs: one is waiting for notifications, or was seen of late without them.

    A worker that was killed is missing at once where notifications arrive, otherwise after some minutes. Raises
    StoreUnavailableError.
    """
    listens = inbox.wakeups.has_listener()
    if listens:
        return True
    workers = [one for one in running(inbox) if one.role == WORKER]
    return any(listens is None or not one.listens for one in workers)


def worker_last_seen(inbox: Inbox) -> int | None:
    """Return when a worker was last seen, in milliseconds since 1970 UTC. Raises StoreUnavailableError."""
    query = select(func.max(processes.c.seen_at)).where(processes.c.role == WORKER)
    with inbox.database.read() as connection:
        return connection.execute(query).scalar()


def _write(connection: Connection, identity: str, process: Process) -> None:
    row = records.as_row(process)
    adding = insert_into(connection, processes).values(id=identity, **row)
    connection.execute(adding.on_conflict_do_update(index_elements=[processes.c.id], set_=row))


def _read(connection: Connection, where: ColumnElement[bool]) -> list[Process]:
    query = select(*records.columns_of(Process, processes)).where(where)
    return records.read(connection, Process, query.order_by(processes.c.started_at, processes.c.id))


def _seen_within(now: int, period: int) -> ColumnElement[bool]:
    """Whether a process was seen in the last `period` milliseconds; what is far in the future was a wrong clock."""
    return processes.c.seen_at.between(now - period, now + period)
