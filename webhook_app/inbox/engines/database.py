"""The connection to the inbox's database, whichever engine it is: to read, or to write in a transaction."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

    from webhook_app.inbox.engines.notifications import WakeupChannel

MIGRATE = "Run: python -m webhook_app migrate"
WriteFault = Literal["", "disk_full", "not_writable"]
FREE_SPACE = "Free some space on the disk of the database."
ADVICE = (
    (re.compile(r"no such (table|column)|has no column|(relation|column) .* does not exist"), MIGRATE),
    (re.compile(r"disk is full|No space left"), FREE_SPACE),
    (re.compile(r"^disk I/O error"), "Check the disk of the database: it may be broken."),
    (re.compile(r"readonly database|read-only"), "Let the user of this process write to the database."),
)


class Database(ABC):
    """One process's access to the database. Nothing is connected before the first use.

    Both ways to open it give a SQLAlchemy connection, which also runs the named SQL of hot_statements.py. `hot` is for
    blocks of that SQL alone: PostgreSQL plans it for large tables, and must answer it within 3 seconds instead of 20.
    """

    engine: Engine
    driver_error: type[Exception]
    on_commit: Callable[[float], None]  # called with the seconds that each durable commit took
    # The time in milliseconds since 1970 UTC, without asking the database: for what is shown, and for ages.
    clock: Callable[[], int]

    @abstractmethod
    def read(self, *, hot: bool = False, reserved: bool = False) -> AbstractContextManager[Connection]:
        """Open a connection that only reads. Raises StoreUnavailableError.

        `reserved`: with the connections that are left free for storing, where an engine has few.
        """

    @abstractmethod
    def write(
        self, *, durable: bool = True, hot: bool = False, one_statement: bool = False
    ) -> AbstractContextManager[Connection]:
        """Open a transaction; it is committed and on disk when the block ends. Raises StoreUnavailableError.

        Not `durable`: a power failure may undo it. `one_statement`: the block's first statement is complete by itself,
        and an engine that can commits each statement as it runs, which saves the round trips of BEGIN and COMMIT.
        """

    @abstractmethod
    def now(self, connection: Connection) -> int:
        """Return the time in an open transaction, in milliseconds since 1970 UTC.

        Leases, retries and pauses begin and end by it. All processes that share the database share this clock, whatever
        those of their machines show, and it is not read before the transaction has begun.
        """

    @contextmanager
    def _committed(self, connection: Connection, *, durable: bool) -> Iterator[None]:
        """Commit when the block ends well. What was begun is rolled back by the pool otherwise."""
        yield
        began = time.perf_counter()
        connection.connection.commit()
        if durable:
            self.on_commit(time.perf_counter() - began)

    @contextmanager
    def unavailable_on_error(self) -> Iterator[None]:
        """Turn errors of SQLAlchemy, the driver and the system into StoreUnavailableError, without the values sent."""
        try:
            yield
        except (SQLAlchemyError, OSError, self.driver_error) as error:
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            message = _message(error)
            raise StoreUnavailableError(message, transient=lost, advice=self.advice(message)) from None

    def advice(self, message: str) -> str:
        """Return what to do about an error of the driver, "" if that is not known."""
        return next((advice for pattern, advice in ADVICE if pattern.search(message)), "")

    def write_fault(self) -> WriteFault:
        """Return why a server that can be read stores nothing, "" if it does; the disk of a file is seen from here."""
        return ""

    @abstractmethod
    def prepare(self) -> None:
        """Create what migrations need to begin with. Raises StoreUnavailableError."""

    def fitting(self, web_processes: int, *, by_host: bool = False) -> int:  # noqa: ARG002 - an engine in a file has no limit
        """Return how many of so many web processes may run; a number `by_host` must fit twice, for deployments.

        Raises StoreUnavailableError.
        """
        return web_processes

    def warnings(self, web_processes: int, *, by_host: bool = False) -> list[str]:  # noqa: ARG002 - as above
        """Return a sentence for each problem with so many web processes, or those of them that fit, and a worker.

        Raises ConfigurationError where the database cannot be used at all, and StoreUnavailableError.
        """
        return []

    @abstractmethod
    def exists(self) -> bool:
        """Return whether there is a database to connect to; always true for a server."""

    @abstractmethod
    def erase_deleted(self, deleted_at: int | None = None) -> bool:
        """Remove deleted data from the disk too, as far as the engine can without making writers wait.

        `deleted_at` is given for what someone asked to erase: then an engine does what it would otherwise do later.
        Returns whether it could; where it could not, the next call makes up for it. Raises StoreUnavailableError.
        """

    @abstractmethod
    def remove_unused_logs(self, older_than: float) -> None:
        """Delete logs of the database that were set aside so many seconds ago; an engine without any does nothing.

        Raises StoreUnavailableError.
        """

    @abstractmethod
    def wakeups(self) -> WakeupChannel:
        """Return the channel that notifies idle workers of this database."""

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _message(error: Exception) -> str:
    """Return the first line of the driver's message ("database or disk is full"): the rest may quote values."""
    cause = getattr(error, "orig", None) or error
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return str(primary or cause).partition("\n")[0]
