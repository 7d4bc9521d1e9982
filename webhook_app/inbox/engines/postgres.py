"""PostgreSQL, for many web and worker processes on many machines."""

from __future__ import annotations

import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url

from webhook_app import green_threads
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import records
from webhook_app.inbox.engines import connection_budget
from webhook_app.inbox.engines.database import Database
from webhook_app.inbox.engines.notifications import ListenNotifyChannel
from webhook_app.inbox.engines.statements import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import PoolProxiedConnection

CONNECT_TIMEOUT = 3  # seconds
PREPARE_AFTER = 5  # executions of a statement
CONNECTION_WAIT = 10  # seconds for one of them to be free
# What a web process asks has an end: a server that stands still must keep nobody waiting, and platforms wait 5 seconds.
ANSWER_WITHIN = 3.0  # seconds, of statements that are run often
READ_WITHIN = 20.0  # seconds, of what a page shows or a person does
SILENT = "the database does not answer"

# A server keeps the plan of a statement that is run often, also one that it made while the table was small or its
# statistics were old. So it is told what never pays here: reading a whole table, or a whole backlog to sort it.
BEGIN = "BEGIN; SET LOCAL enable_seqscan TO OFF; "
# Settling: each of a group is looked for among those that were found, and not by going through the group for each.
DURABLE = BEGIN + "SET LOCAL enable_nestloop TO OFF"
# Looking, claiming and reserving.
LIGHT = BEGIN + "SET LOCAL enable_bitmapscan TO OFF; SET LOCAL enable_sort TO OFF; SET LOCAL synchronous_commit TO OFF"

# Not flushed: who is woken for nothing after a power failure looks, and who is not woken looks a little later.
NOTIFY = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, '')"

CONNECT = {
    "connect_timeout": CONNECT_TIMEOUT,
    "application_name": "tweakwise-webhooks",
    # A database machine that is gone without a word is noticed in seconds, not in hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}


class Postgres(Database):
    """An inbox in PostgreSQL 14 or newer."""

    driver_error = psycopg.Error

    def __init__(self, url: str, on_commit: Callable[[float], None], *, pooled: bool = False) -> None:
        """`pooled`: a connection pooler in transaction mode is in between, which knows no session."""
        self.on_commit = on_commit
        self.url = driver_url(url)
        self._pooled = pooled
        self.engine = create_engine(
            self.url,
            hide_parameters=True,
            pool_size=connection_budget.PER_PROCESS,
            max_overflow=0,
            pool_timeout=CONNECTION_WAIT,
            # A statement prepared on one server connection is unknown on the next one the pooler chooses.
            connect_args={**CONNECT, "prepare_threshold": None if pooled else PREPARE_AFTER},
            isolation_level="AUTOCOMMIT",
        )
        event.listen(self.engine, "connect", _look_for_a_pooler)
        self._writing = self.engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only reads, each statement by itself. Raises StoreUnavailableError."""
        with self.translated(), self.engine.connect() as connection, self._watched(connection, READ_WITHIN):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes. Raises StoreUnavailableError."""
        with self.translated(), self._writing.begin() as connection, self._watched(connection, READ_WITHIN):
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Work]:
        """Open a transaction for statements that only read and are run often. Raises StoreUnavailableError."""
        with self.working(durable=False) as work:
            yield work

    @contextmanager
    def storing(self) -> Iterator[Work]:
        """Open a cursor that commits each statement to disk before it returns. Raises StoreUnavailableError."""
        with self._raw() as connection:
            began = time.perf_counter()
            yield Work(connection.cursor(binary=True), self.engine.dialect)
            self.on_commit(time.perf_counter() - began)

    @contextmanager
    def working(self, *, durable: bool = True) -> Iterator[Work]:
        """Open such a transaction on the driver's own cursor. Raises StoreUnavailableError."""
        with self._raw() as connection:
            connection.cursor().execute(DURABLE if durable else LIGHT)
            yield Work(connection.cursor(binary=True), self.engine.dialect)
            self.commit(connection, durable=durable)

    @contextmanager
    def _raw(self) -> Iterator[PoolProxiedConnection]:
        with (
            self.translated(),
            closing(self.engine.raw_connection()) as connection,
            self._watched(connection, ANSWER_WITHIN),
        ):
            yield connection

    @contextmanager
    def _watched(self, connection: Connection | PoolProxiedConnection, seconds: float) -> Iterator[None]:
        """Say what another try may mend, and end what takes longer than `seconds` in a web process."""
        try:
            with green_threads.time_limit(seconds):
                yield
        except TimeoutError:
            self._drop(connection)
            raise StoreUnavailableError(SILENT) from None
        except (DeadlockDetected, SerializationFailure) as error:
            raise StoreUnavailableError(str(error.diag.message_primary), transient=True) from None
        except psycopg.Error:
            if not _is_broken(connection):
                raise
            self._drop(connection)
            raise StoreUnavailableError("the connection broke", transient=True) from None

    def _drop(self, connection: Connection | PoolProxiedConnection) -> None:
        """Close a connection, and the idle ones: they will be no better."""
        connection.invalidate()
        self.engine.dispose()

    def prepare(self) -> None:
        """Refuse a server that is too old; whoever runs it made the database. Raises ConfigurationError."""
        connection_budget.require_version(self._limits().version)

    def warnings(self, web_processes: int) -> list[str]:
        """Report too few connections or commits that are not durable.

        Raises ConfigurationError and StoreUnavailableError.
        """
        limits = self._limits()
        connection_budget.require_version(limits.version)
        return connection_budget.warnings(limits, web_processes, pooled=self._pooled)

    def _limits(self) -> connection_budget.Limits:
        with self.reading() as connection:
            limits = connection.exec_driver_sql(connection_budget.LIMITS_QUERY).mappings().one()
            return connection_budget.Limits(
                **{name: limits[name] for name in records.field_names(connection_budget.Limits)}
            )

    def exists(self) -> bool:
        """Say yes: only asking the server tells."""
        return True

    def erase_deleted(self) -> None:
        """Do nothing: the server's autovacuum reuses the space of deleted rows."""

    def wakeups(self) -> ListenNotifyChannel:
        """Return LISTEN and NOTIFY on this database."""
        return ListenNotifyChannel(self._connect, self._notify, polls=self._pooled)

    def _connect(self) -> Any:
        """Open a connection outside the pool, for listening. Raises psycopg.Error."""
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True, **CONNECT)  # type: ignore[arg-type]

    def _notify(self, channel: str) -> None:
        with self._raw() as connection:
            connection.cursor().execute(NOTIFY, (channel,))


def _look_for_a_pooler(driver: Any, _record: Any) -> None:
    """Prepare no statements where a pooler nobody told us of answers: it does not know the server's process."""
    with driver.cursor() as cursor:
        (served_by,) = cursor.execute("SELECT pg_backend_pid()").fetchone()
    driver.rollback()
    if served_by != driver.info.backend_pid:
        driver.prepare_threshold = None


def _is_broken(connection: Connection | PoolProxiedConnection) -> bool:
    pooled = connection.connection if isinstance(connection, Connection) else connection
    driver: Any = pooled.driver_connection
    return bool(driver.closed)


def driver_url(url: str) -> URL:
    """Return `url` as SQLAlchemy wants it: Heroku writes postgres://, and our driver is psycopg."""
    return make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
