"""PostgreSQL, for many web and worker processes on many machines."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from webhook_app import green_threads
from webhook_app.errors import OverloadedError, StoreUnavailableError
from webhook_app.inbox import records
from webhook_app.inbox.engines import connection_budget, deadlines, server_log, vacuum
from webhook_app.inbox.engines.database import FREE_SPACE, Database, WriteFault
from webhook_app.inbox.engines.notifications import ListenNotifyChannel
from webhook_app.inbox.engines.server_clock import CLOCK, ServerClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

CONNECT_TIMEOUT = 3  # seconds
PREPARE_AFTER = 5  # executions of a statement
CONNECTION_WAIT = 3.0  # seconds for a connection to be free
PAGE_WAIT = 10.0  # seconds for one of those that are not reserved
# In a web process statements have a time limit: a server that accepts connections but does not answer must not hold up
# requests, and platforms wait 5 seconds for an answer.
HOT_WITHIN = 3.0  # seconds
WITHIN = 20.0  # seconds, for what a page shows or someone does there
NO_ANSWER = "the database does not answer"
ALL_IN_USE = "all connections to the database are in use"

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
NOT_DURABLE = "; SET LOCAL synchronous_commit TO OFF"
# A server caches the plan of a statement that is run often, including one made while the table was small or its
# statistics were old. So hot statements exclude what never pays for them: scanning a whole table, ...
LARGE_TABLES = "; SET LOCAL enable_seqscan TO OFF"
# ... when settling, going through the whole group for each row that was found, ...
SETTLING = LARGE_TABLES + "; SET LOCAL enable_nestloop TO OFF"
# ... and when polling, claiming and reserving, which need no flush, sorting a whole backlog.
CLAIMING = LARGE_TABLES + "; SET LOCAL enable_bitmapscan TO OFF; SET LOCAL enable_sort TO OFF"
# What a transaction begins with, by (hot, durable); it is one round trip, which also brings the server's time.
BEGIN_WITH = {
    (False, True): f"{BEGIN}; {CLOCK}",
    (False, False): f"{BEGIN}{NOT_DURABLE}; {CLOCK}",
    (True, True): f"{BEGIN}{SETTLING}; {CLOCK}",
    (True, False): f"{BEGIN}{CLAIMING}{NOT_DURABLE}; {CLOCK}",
}
NOW = "now"  # what a connection's information calls the time at which its transaction began

# 400 KB, which are more than the memory that it may use.
SORT = (
    "SET LOCAL work_mem = '64kB'; "
    "SELECT count(*) FROM (SELECT n FROM generate_series(1, 8000) AS n ORDER BY md5(n::text)) AS sorted"
)

# Not flushed: after a power failure a worker may be woken for nothing, or find a delivery only when it polls.
NOTIFY = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, '')"

CONNECT = {
    "connect_timeout": CONNECT_TIMEOUT,
    "application_name": "tweakwise-webhooks",
    "client_encoding": "utf8",  # without it, the driver returns bytes for text where the database is SQL_ASCII
    # A database machine that disappears without closing its connections is noticed in seconds, not in hours.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}


class Postgres(Database):
    """An inbox in PostgreSQL 14 or newer."""

    driver_error = psycopg.Error

    def __init__(
        self,
        url: str,
        on_commit: Callable[[float], None],
        clock: Callable[[], int] | None = None,
        *,
        pooled: bool = False,
    ) -> None:
        """`clock` replaces the server's; `pooled`: a connection pooler in transaction mode is in between."""
        self.on_commit = on_commit
        self._server_clock, self._given_clock = ServerClock(), clock
        self.clock = clock or self._server_clock
        self.url = driver_url(url)
        self._pooled = pooled
        self.engine = create_engine(
            self.url,
            hide_parameters=True,
            pool_size=connection_budget.PER_PROCESS,
            max_overflow=0,
            # The one that was used last, whose server process is awake, with its plans in memory.
            pool_use_lifo=True,
            pool_timeout=CONNECTION_WAIT,
            # A statement prepared on one server connection is unknown on the next one the pooler chooses.
            connect_args={**CONNECT, "prepare_threshold": None if pooled else PREPARE_AFTER},
            isolation_level="AUTOCOMMIT",  # write() begins and commits by itself
        )
        self._shared = threading.BoundedSemaphore(connection_budget.PER_PROCESS - connection_budget.RESERVED)
        self._retired_at = 0.0  # on the monotonic clock: connections that were opened before are closed on their return
        event.listen(self.engine, "connect", self._connected_first)
        event.listen(self.engine, "checkin", self._returned)

    @contextmanager
    def read(self, *, hot: bool = False, reserved: bool = False) -> Iterator[Connection]:
        """Open a connection in autocommit mode. Raises StoreUnavailableError.

        `hot`: a transaction, since a plan can only be influenced in one.
        """
        with self._connected(HOT_WITHIN if hot or reserved else WITHIN, reserved=reserved) as connection:
            if hot:
                with self._transaction(connection, durable=False, hot=True):
                    yield connection
            else:
                yield connection

    @contextmanager
    def write(self, *, durable: bool = True, hot: bool = False, one_statement: bool = False) -> Iterator[Connection]:
        """Open a transaction, or a connection in autocommit mode for `one_statement`. Raises StoreUnavailableError."""
        with self._connected(HOT_WITHIN if hot else WITHIN, reserved=hot) as connection:
            if one_statement:
                began = time.perf_counter()
                yield connection
                self.on_commit(time.perf_counter() - began)
            else:
                with self._transaction(connection, durable=durable, hot=hot):
                    yield connection

    def write_fault(self) -> WriteFault:
        """Return whether the server is read-only, or its disk full: a sort without room in memory is written there."""
        try:
            with self.write(durable=False) as connection:
                connection.exec_driver_sql(SORT)
                is_read_only = connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
        except StoreUnavailableError as error:
            return "disk_full" if error.advice == FREE_SPACE else ""
        return "not_writable" if is_read_only else ""

    def now(self, connection: Connection) -> int:
        """Return the server's time at which the transaction began."""
        return int(self._given_clock() if self._given_clock else connection.info[NOW])

    @contextmanager
    def _transaction(self, connection: Connection, *, durable: bool, hot: bool) -> Iterator[None]:
        connection.info[NOW] = self._server_clock.read(connection.connection, BEGIN_WITH[hot, durable])
        with self._committed(connection, durable=durable):
            yield

    @contextmanager
    def _connected(self, seconds: float, *, reserved: bool) -> Iterator[Connection]:
        """Open a connection in autocommit mode, and limit the time of the block in a web process.

        Without `reserved` one connection is left free for those with it, so that no page can hold up storing.
        """
        with (
            self.unavailable_on_error(),
            nullcontext() if reserved else self._one_of_the_shared(),
            self._from_pool() as connection,
            self._watched(connection, seconds),
        ):
            yield connection

    @contextmanager
    def _one_of_the_shared(self) -> Iterator[None]:
        """Wait for one of the connections that are not reserved. Raises OverloadedError."""
        if not self._shared.acquire(timeout=PAGE_WAIT):
            raise OverloadedError(ALL_IN_USE)
        try:
            yield
        finally:
            self._shared.release()

    def _from_pool(self) -> Connection:
        """Return a connection of the pool. Raises OverloadedError when all are in use: the database may be well."""
        try:
            return self.engine.connect()
        except PoolTimeoutError:
            raise OverloadedError(ALL_IN_USE) from None

    @contextmanager
    def _watched(self, connection: Connection, seconds: float) -> Iterator[None]:
        """Mark errors that a retry may solve, and end what takes longer than `seconds` in a web process."""
        try:
            with green_threads.time_limit(deadlines.seconds_left(seconds)):
                yield
        except TimeoutError:
            self._discard(connection)
            raise StoreUnavailableError(NO_ANSWER) from None
        except (DeadlockDetected, SerializationFailure) as error:
            raise StoreUnavailableError(str(error.diag.message_primary), transient=True) from None
        except psycopg.Error:
            if not _is_broken(connection):
                raise
            self._discard(connection)
            raise StoreUnavailableError("the connection broke", transient=True) from None

    def _discard(self, connection: Connection) -> None:
        """Close a connection, and the others, which are probably broken too."""
        connection.invalidate()
        self._retire()

    def close(self) -> None:
        """Close every connection, those in use as soon as they are returned."""
        self._retire()

    def _retire(self) -> None:
        self._retired_at = time.monotonic()
        self.engine.dispose()

    def _returned(self, driver: Any, record: Any) -> None:
        """Close a connection that was in use when all were closed: its pool is gone, and would leave it open."""
        if driver is not None and record.info["opened"] <= self._retired_at:
            record.invalidate()

    def _connected_first(self, driver: Any, record: Any) -> None:
        """Read the server's time, keep bodies out of its log, and prepare nothing behind a pooler.

        A pooler reports another process id than the server.
        """
        record.info["opened"] = time.monotonic()
        self._server_clock.read(driver, CLOCK)
        with driver.cursor() as cursor:
            (served_by,) = cursor.execute("SELECT pg_backend_pid()").fetchone()
            if served_by == driver.info.backend_pid and not self._pooled:
                cursor.execute(server_log.without_parameters(driver.info.server_version))
        driver.commit()
        if served_by != driver.info.backend_pid:
            driver.prepare_threshold = None

    def prepare(self) -> None:
        """Refuse a server that is too old; the database exists already. Raises ConfigurationError."""
        connection_budget.require_version(self._limits().version)

    def warnings(self, web_processes: int, *, by_host: bool = False) -> list[str]:
        """Report too few connections or commits that are not durable.

        Raises ConfigurationError and StoreUnavailableError.
        """
        limits = self._limits()
        connection_budget.require_version(limits.version)
        if by_host:  # it is only an upper limit: `web` starts fewer
            web_processes = connection_budget.fitting(limits, web_processes, by_host=True, pooled=self._pooled)
        return connection_budget.warnings(limits, web_processes, pooled=self._pooled)

    def fitting(self, web_processes: int, *, by_host: bool = False) -> int:
        """Return how many of so many web processes the server has connections for."""
        return connection_budget.fitting(self._limits(), web_processes, by_host=by_host, pooled=self._pooled)

    def _limits(self) -> connection_budget.Limits:
        with self.read() as connection:
            limits = connection.exec_driver_sql(connection_budget.LIMITS_QUERY).mappings().one()
            return connection_budget.Limits(
                **{name: limits[name] for name in records.field_names(connection_budget.Limits)}
            )

    def exists(self) -> bool:
        """Return true: only connecting would show it."""
        return True

    def erase_deleted(self, deleted_at: int | None = None) -> bool:
        """Vacuum the tables with personal data, for what was deleted at `deleted_at`; else leave it to autovacuum.

        Returns false while a transaction that began before can still see the deleted rows.
        """
        if deleted_at is None:
            return True
        with self.unavailable_on_error(), closing(self._connect()) as connection:
            return vacuum.remove_deleted(connection, deleted_at)

    def remove_unused_logs(self, older_than: float) -> None:
        """Do nothing: the server has no such logs."""

    def wakeups(self) -> ListenNotifyChannel:
        """Return LISTEN and NOTIFY on this database."""
        return ListenNotifyChannel(self._connect, self._notify, polls=self._pooled)

    def _connect(self) -> Any:
        """Open a connection outside the pool, for listening. Raises psycopg.Error."""
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True, **CONNECT)  # type: ignore[arg-type]

    def _notify(self, channel: str) -> None:
        with self._connected(HOT_WITHIN, reserved=True) as connection:
            connection.connection.cursor().execute(NOTIFY, (channel,))


def _is_broken(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return bool(driver.closed)


def driver_url(url: str) -> URL:
    """Return `url` as SQLAlchemy needs it: Heroku writes postgres://, and the driver is psycopg."""
    return make_url(url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
