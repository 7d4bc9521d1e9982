"""PostgreSQL, for many web and worker processes on many machines."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from webhook_app.errors import StoreUnavailable
from webhook_app.inbox.database import Database
from webhook_app.inbox.statements import Work
from webhook_app.inbox.wake import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, PoolProxiedConnection

SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")  # the first is what Heroku writes
# Keeping and settling are done in groups, one at a time: more connections would wait for each other.
CONNECTIONS = 3  # of one process at the most, the one that listens aside
CONNECT_TIMEOUT = 5  # seconds
CONNECTION_WAIT = 10  # seconds for one of them to be free

CONNECT = {
    "connect_timeout": CONNECT_TIMEOUT,
    "application_name": "tweakwise-webhooks",
    # A database machine that is gone without a word is noticed in seconds, not in hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Postgres(Database):
    """An inbox in PostgreSQL 14 or newer."""

    driver_error = psycopg.Error

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        """`pooled`: a connection pooler in transaction mode is in between, which knows no session."""
        self.url = driver_url(url)
        self._pooled = pooled
        self.engine = create_engine(
            self.url,
            hide_parameters=True,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECTION_WAIT,
            # A statement prepared on one server connection is unknown on the next one the pooler chooses.
            connect_args={**CONNECT, "prepare_threshold": None if pooled else 5},
        )
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only reads, each statement by itself. Raises StoreUnavailable."""
        with self.translated(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes. Raises StoreUnavailable."""
        with self.translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def working(self, *, durable: bool = True) -> Iterator[Work]:
        """Open such a transaction on the driver's own cursor. Raises StoreUnavailable."""
        with self.translated(), closing(self.engine.raw_connection()) as connection, self._watched(connection):
            cursor = connection.cursor()
            if not durable:
                cursor.execute("SET LOCAL synchronous_commit TO OFF")
            yield Work(cursor, self.engine.dialect)
            connection.commit()

    @contextmanager
    def _watched(self, connection: PoolProxiedConnection) -> Iterator[None]:
        """Where the connection broke, say so, and drop the idle ones too: a server's restart breaks them all."""
        try:
            yield
        except psycopg.Error:
            driver: Any = connection.driver_connection
            if not driver.closed:
                raise
            self.engine.dispose()
            raise StoreUnavailable("the connection broke", lost_connection=True) from None

    def prepare(self) -> None:
        """Do nothing: the database is there, whoever runs the server made it."""

    def exists(self) -> bool:
        """Say yes: only asking the server tells."""
        return True

    def forget(self) -> None:
        """Do nothing: the server's autovacuum gives the space of deleted rows to new ones."""

    def bell(self) -> Listener:
        """Return LISTEN and NOTIFY on this database."""
        return Listener(self._connect, self._notify, polls=self._pooled)

    def _connect(self) -> Any:
        """Open a connection outside the pool, for listening. Raises psycopg.Error."""
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True, **CONNECT)  # type: ignore[arg-type]

    def _notify(self, channel: str) -> None:
        with self.translated(), self._reading.connect() as connection:
            connection.exec_driver_sql(f"NOTIFY {channel}")


def driver_url(url: str) -> URL:
    """Return `url` as SQLAlchemy wants it: Heroku writes postgres://, and our driver is psycopg."""
    return make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
