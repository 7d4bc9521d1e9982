"""PostgreSQL, for many web and worker processes on many machines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from webhook_app.inbox.database import Database, translated
from webhook_app.inbox.wake import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

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
        with translated(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Connection]:
        """Open a transaction that writes. Raises StoreUnavailable."""
        with translated(), self.engine.begin() as connection:
            if not durable:
                connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
            yield connection

    def prepare(self) -> None:
        """Do nothing: the database is there, whoever runs the server made it."""

    def exists(self) -> bool:
        """Say yes: only asking the server tells."""
        return True

    def bell(self) -> Listener:
        """Return LISTEN and NOTIFY on this database."""
        return Listener(self._connect, self._notify, polls=self._pooled)

    def _connect(self) -> Any:
        """Open a connection outside the pool, for listening. Raises psycopg.Error."""
        import psycopg  # noqa: PLC0415 - nobody who uses SQLite needs to load it

        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True, **CONNECT)  # type: ignore[arg-type]

    def _notify(self, channel: str) -> None:
        with translated(), self._reading.connect() as connection:
            connection.exec_driver_sql(f"NOTIFY {channel}")


def driver_url(url: str) -> URL:
    """Return `url` as SQLAlchemy wants it: Heroku writes postgres://, and our driver is psycopg."""
    return make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
