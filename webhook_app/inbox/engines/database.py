"""The connection to the inbox's database, whichever engine it is: transactions in, StoreUnavailableError out."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.engines.statements import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine, PoolProxiedConnection

    from webhook_app.inbox.engines.notifications import WakeupChannel


class Database(ABC):
    """One process's access to the database. Nothing is connected before the first use."""

    engine: Engine
    driver_error: type[Exception]
    on_commit: Callable[[float], None]  # called with the seconds that each durable commit took

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection that only reads. Raises StoreUnavailableError."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """Open a transaction that writes; it is on disk when the block ends. Raises StoreUnavailableError."""

    @abstractmethod
    def working(self, *, durable: bool = True) -> AbstractContextManager[Work]:
        """Open a transaction for statements that are run often; it is on disk when the block ends.

        Not `durable`: a power failure may undo it. Raises StoreUnavailableError.
        """

    def storing(self) -> AbstractContextManager[Work]:
        """Open what is on disk, or not there at all, when the block ends: for one statement, or several where need be.

        Raises StoreUnavailableError.
        """
        return self.working()

    @contextmanager
    def looking(self) -> Iterator[Work]:
        """Open a cursor for statements that only read and are run often. Raises StoreUnavailableError."""
        with self.reading() as connection:
            yield Work(connection.connection.cursor(), self.engine.dialect)

    def commit(self, connection: PoolProxiedConnection, *, durable: bool) -> None:
        """End a transaction; tells how long it took where that waited for the disk."""
        began = time.perf_counter()
        connection.commit()
        if durable:
            self.on_commit(time.perf_counter() - began)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn failures of SQLAlchemy, the driver and the system into StoreUnavailableError, without what was sent."""
        try:
            yield
        except (SQLAlchemyError, OSError, self.driver_error) as error:
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            raise StoreUnavailableError(_sentence(error), transient=lost) from None

    @abstractmethod
    def prepare(self) -> None:
        """Make what migrations need to begin with. Raises StoreUnavailableError."""

    def warnings(self, web_processes: int) -> list[str]:  # noqa: ARG002 - an engine in a file has none
        """Return a sentence for whatever will not go well with so many web processes and a worker.

        Raises ConfigurationError where it cannot go at all, and StoreUnavailableError.
        """
        return []

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether there is a database to ask; an engine that is a server always says yes."""

    @abstractmethod
    def erase_deleted(self) -> None:
        """Remove deleted data from the disk too, as far as the engine can. Raises StoreUnavailableError."""

    @abstractmethod
    def wakeups(self) -> WakeupChannel:
        """Return what wakes idle workers that share this database."""

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _sentence(error: Exception) -> str:
    """Return the driver's own first line ("database or disk is full"): the rest may quote values."""
    cause = getattr(error, "orig", None) or error
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return str(primary or cause).partition("\n")[0]
