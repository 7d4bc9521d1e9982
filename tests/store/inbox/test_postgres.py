"""The inbox on PostgreSQL: what only this engine does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.deliveries import arrival, claim, claim_one, purchase, settle
from tests.support.health import health_of
from webhook_app.cli.support import database_startup
from webhook_app.config import settings
from webhook_app.errors import StoreUnavailableError
from webhook_app.health.readiness import Readiness
from webhook_app.inbox import Inbox, State, hot_statements, migrate
from webhook_app.inbox.engines.postgres import SORT
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from tests.support.postgres import Server
    from webhook_app.inbox.engines.statements import Statement

pytestmark = pytest.mark.engines("postgres")

BACKEND = "SELECT pg_backend_pid()"
RECORD_COMMITS = (
    "CREATE TABLE seen (number serial, state text, setting text)",
    """CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen (state, setting) VALUES (NEW.state, current_setting('synchronous_commit')); RETURN NEW; END $$""",
    "CREATE TRIGGER see BEFORE INSERT OR UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION see()",
)
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    """Another connection to the same database, in autocommit mode."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def terminate(connection: psycopg.Connection) -> int:
    """End every other connection to this database; returns how many there were."""
    return len(connection.execute(TERMINATE, [connection.info.dbname]).fetchall())


def woken_within(inbox: Inbox, seconds: float, attempts: int = 1) -> bool:
    """Return whether a notification of another process wakes this one in time."""
    for _ in range(attempts):
        with closing(Inbox(inbox.database.engine.url.render_as_string(hide_password=False))) as another:
            timer = threading.Timer(0.2, another.wakeups.notify)
            began = time.monotonic()
            timer.start()
            inbox.wakeups.wait(20)
            timer.join()
            if 0.1 < time.monotonic() - began < seconds:
                return True
    return False


def test_connection_of_the_last_transaction_is_used_again(inbox: Inbox) -> None:
    """One process of the server serves a worker that has a connection for its other thread too."""
    with inbox.database.read() as first, inbox.database.read() as second:
        both = {connection.exec_driver_sql(BACKEND).scalar() for connection in (first, second)}
    used = []
    for _ in range(4):
        with inbox.database.write() as connection:
            used.append(connection.exec_driver_sql(BACKEND).scalar())
    assert len(both) == 2
    assert len(set(used)) == 1


def test_commits_are_durable_except_of_claims(inbox: Inbox, other: psycopg.Connection) -> None:
    """Storing and settling return after the flush; a claim that a power failure undoes is made again."""
    for statement in RECORD_COMMITS:
        other.execute(statement.encode())
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED)
    recorded = other.execute("SELECT state, setting FROM seen ORDER BY number").fetchall()
    assert recorded == [("received", "on"), ("delivering", "off"), ("delivered", "on")]


def test_claim_passes_over_what_another_transaction_holds(inbox: Inbox, database_url: str) -> None:
    """Workers do not wait for each other: rows that another one has locked are skipped."""
    for name in "ab":
        inbox.store(arrival(name))
    worker = Inbox(f"{database_url}&options=-c%20lock_timeout%3D1000")
    with psycopg.connect(database_url) as another:
        another.execute("SELECT 1 FROM deliveries WHERE id = 1 FOR UPDATE")
        assert [delivery.id for delivery in claim(worker, 2)] == [2]
    assert [delivery.id for delivery in claim(worker, 2)] == [1]
    worker.close()


def test_workers_never_share_a_claim(inbox: Inbox, database_url: str) -> None:
    """However many processes claim at once, each delivery goes to one."""
    for number in range(120):
        inbox.store(arrival(str(number)))
    workers = [Inbox(database_url) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        groups = list(threads.map(lambda number: claim(workers[number % 3], 7), range(24)))
    assert sorted(delivery.id for group in groups for delivery in group) == list(range(1, 121))
    for worker in workers:
        worker.close()


def plan(connection: Connection, statement: Statement, **values: Any) -> str:
    """How the server would run a statement."""
    compiled = statement.compiled("postgresql")
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN {compiled.sql}", compiled.parameters(values))
    return str(cursor.fetchall())


def test_claiming_uses_the_index_of_unfinished_rows(inbox: Inbox, other: psycopg.Connection) -> None:
    """The cost of polling and claiming does not grow with the settled deliveries."""
    many = "SELECT 's', 'p', 't', n::text, '', 0, 'delivered', '', '', 1, 0, 0, n FROM generate_series(1, 5000) n"
    names = "shop, platform, topic, identity, domain, received_at, state, reason, detail, claims, lapses, attempts"
    other.execute(f"INSERT INTO deliveries ({names}, settled_at) {many}".encode())
    inbox.store(arrival())
    other.execute("VACUUM ANALYZE deliveries")
    with inbox.database.write(durable=False, hot=True) as connection:
        polling = plan(connection, hot_statements.QUEUES)
        claiming = plan(connection, hot_statements.CLAIM, shop="acme", limit=8, now=1, until=2, abandoned_before=1)
    for explained in (polling, claiming):
        assert "ix_deliveries_shop_due" in explained
        assert "Seq Scan on deliveries" not in explained


PREPARED = "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements WHERE statement ~ %s"


def cached_plans(inbox: Inbox) -> list[str]:
    """Return the plans of the statements that this inbox has prepared."""
    with inbox.database.write(hot=True) as connection:
        cursor: Any = connection.connection.cursor(binary=True)
        prepared = cursor.execute(PREPARED, ("deliveries|bodies|business_keys",)).fetchall()
        nothing = {name: ", ".join(["NULL"] * many) for name, many in prepared}
        explained = [f"EXPLAIN EXECUTE {name}{f'({nulls})' if nulls else ''}" for name, nulls in nothing.items()]
        return [str(cursor.execute(each, prepare=False).fetchall()) for each in explained]


@pytest.mark.parametrize("rows", [0, 60])
def test_plans_made_for_small_tables_fit_large_ones(inbox: Inbox, other: psycopg.Connection, rows: int) -> None:
    """A server caches the plan of a prepared statement; made on small tables, it must not scan large ones."""
    inbox.store_all([arrival(f"before {number}") for number in range(rows)])
    other.execute("VACUUM ANALYZE")
    for number in range(12):
        inbox.store(arrival(f"round {number}"))
        delivery = claim_one(inbox)
        assert inbox.reserve([(delivery, purchase(f"purchase:{number}"))]) == {delivery.id: delivery.id}
        assert inbox.reserve([(delivery, purchase("purchase:0"))])
        assert settle(inbox, delivery, State.WAITING, retry_in=0.0)
        inbox.release([claim_one(inbox)])
    plans = cached_plans(inbox)
    assert len(plans) >= 8
    assert [plan for plan in plans if "Seq Scan on" in plan or "Sort Key" in plan] == []


def test_listening_wakes_at_once(inbox: Inbox) -> None:
    """A worker on another machine is notified as soon as a delivery is stored."""
    inbox.wakeups.wait(0)
    assert woken_within(inbox, 2)


def test_listens_again_after_its_connection_was_ended(inbox: Inbox, other: psycopg.Connection) -> None:
    """After its connection was terminated, a worker listens again within seconds."""
    inbox.wakeups.wait(0)
    assert terminate(other)
    assert woken_within(inbox, 0.9, attempts=30)


def test_listens_again_after_a_restart(inbox: Inbox, postgres: Server) -> None:
    """After the server was restarted, too."""
    inbox.wakeups.wait(0)
    with postgres.stopped():
        inbox.wakeups.wait(0.5)
    assert woken_within(inbox, 0.9, attempts=30)


def test_waits_while_the_server_is_away(inbox: Inbox, postgres: Server) -> None:
    """Without notifications a worker polls at intervals, and does not spin."""
    with postgres.stopped():
        inbox.wakeups.wait(0)
        began = time.monotonic()
        inbox.wakeups.wait(0.5)
        inbox.wakeups.wait(0.5)
    assert time.monotonic() - began >= 1


def test_storing_survives_broken_connections(inbox: Inbox, other: psycopg.Connection) -> None:
    """The next deliveries after all connections were ended are stored."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: inbox.store(arrival(str(number))), range(32)))
        assert terminate(other)
        results = list(threads.map(lambda number: inbox.store(arrival(f"later {number}")), range(32)))
    assert not any(result.duplicate for result in results)
    assert stored_deliveries.counts(inbox) == {"received": 64}


def test_storing_survives_a_restart(inbox: Inbox, postgres: Server) -> None:
    """The first delivery after a restart of the server is stored."""
    inbox.store(arrival("a"))
    with postgres.stopped(), pytest.raises(StoreUnavailableError):
        inbox.store(arrival("b"))
    assert not inbox.store(arrival("b")).duplicate


def test_every_verb_recovers_by_itself(inbox: Inbox, other: psycopg.Connection) -> None:
    """After its connections were ended, a worker's operations fail once at most."""
    inbox.store(arrival())
    terminate(other)
    with pytest.raises(StoreUnavailableError) as caught:
        inbox.queues()
    assert caught.value.transient
    assert claim_one(inbox).id == 1


def test_deadlocked_group_is_stored(inbox: Inbox, database_url: str) -> None:
    """Two web processes that store the same deliveries in opposite orders do not make each other fail."""
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as thread:
        first.execute("SET deadlock_timeout = '60s'")  # so that the other transaction is aborted
        insert(first, "b")
        group = thread.submit(inbox.store_all, [arrival("a"), arrival("b")])
        time.sleep(0.3)  # it has locked a, and waits for b
        insert(first, "a")
        first.commit()
        assert group.result(20)[1].duplicate


def insert(connection: psycopg.Connection, identity: str) -> None:
    values = f"'acme', 'p', 't', '{identity}', '', 0, 'received', '', '', 0, 0, 0, 0"
    names = "shop, platform, topic, identity, domain, received_at, state, reason, detail, due_at, claims, lapses"
    connection.execute(f"INSERT INTO deliveries ({names}, attempts) VALUES ({values}) ON CONFLICT DO NOTHING".encode())


@pytest.mark.parametrize("seed", ["jan@example.test", "jan\0@example.test"])
def test_errors_carry_no_values(inbox: Inbox, other: psycopg.Connection, seed: str) -> None:
    """An error has the server's message, and none of the values that were sent."""
    other.execute("ALTER TABLE deliveries ADD CHECK (position('jan' in identity) = 0)")
    with pytest.raises(StoreUnavailableError) as caught:
        inbox.store(arrival(identity=seed, body=b"jan@example.test"))
    assert "jan" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_connections_in_use_are_closed_on_their_return(inbox: Inbox) -> None:
    """A connection that breaks closes the idle ones at once, and those of other threads as soon as they are free."""
    with inbox.database.read() as used:
        driver = used.connection.driver_connection
        inbox.database.close()
        assert driver is not None
        assert not driver.closed
    assert driver.closed
    with inbox.database.read() as another:
        assert another.connection.driver_connection is not driver


def test_bodies_are_not_in_the_servers_log(inbox: Inbox, other: psycopg.Connection, postgres: Server) -> None:
    """A session whose role may do so logs no parameters; for another one there is a warning with what to do."""
    other.execute("DROP ROLE IF EXISTS plain")
    other.execute("CREATE ROLE plain LOGIN")
    other.execute("ALTER ROLE plain SET client_min_messages = 'warning'")
    other.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO plain")
    with inbox.database.read() as connection:
        assert connection.exec_driver_sql("SHOW log_parameter_max_length").scalar_one() == "0"
    address = inbox.database.engine.url.set(drivername="postgresql", username="plain")
    for allowed, warns in (("-1", True), ("0", False)):
        postgres.run("ALTER ROLE plain SET log_min_duration_statement = 100")
        postgres.run(f"ALTER ROLE plain SET log_parameter_max_length = {allowed}")
        with closing(Inbox(address.render_as_string(hide_password=False))) as ordinary:
            found = [text for text in ordinary.database.warnings(1) if "log_parameter_max_length" in text]
        assert bool(found) is warns
    other.execute("DROP OWNED BY plain")
    other.execute("DROP ROLE plain")


FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device'; END $$"


def test_a_full_disk_of_the_server_is_noticed(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """By what needs room there, while everything can still be read; the server's error alone is made up here."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    config = settings.load()
    assert (inbox.database.write_fault(), Readiness(config, inbox, None).status()) == ("", "ready")
    monkeypatch.setattr("webhook_app.inbox.engines.postgres.SORT", FULL)
    assert (inbox.database.write_fault(), Readiness(config, inbox, None).status()) == ("disk_full",) * 2
    found = [one for one in health_of(inbox).findings() if one.check == "disk" and one.is_alert]
    assert [one.name for one in found] == ["disk server"]
    assert "Free some space" in found[0].advice
    assert not database_startup.migrate(config), "`run` does not wait until it is ready"


def test_what_looks_for_room_writes_a_file(inbox: Inbox, other: psycopg.Connection) -> None:
    """A server that allows no such files refuses it, which is no full disk."""
    name = other.info.dbname
    other.execute(f"ALTER DATABASE {name} SET temp_file_limit = 0".encode())
    inbox.database.engine.dispose()
    with pytest.raises(StoreUnavailableError, match="temp_file_limit"), inbox.database.write() as connection:
        connection.exec_driver_sql(SORT)
    assert not inbox.database.write_fault()


def test_a_server_that_is_read_only_is_noticed(
    inbox: Inbox, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """As a standby is, and a hosted one whose disk is almost full."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    other.execute(f"ALTER DATABASE {other.info.dbname} SET default_transaction_read_only = on".encode())
    inbox.database.engine.dispose()
    assert Readiness(settings.load(), inbox, None).status() == "not_writable"
    assert ["read-only" in one.text for one in health_of(inbox).findings() if one.check == "database"] == [True]
    assert not database_startup.migrate(settings.load())


@pytest.mark.parametrize(("encoding", "warned_of"), [("SQL_ASCII", []), ("LATIN1", ["LATIN1"])])
def test_encodings_of_databases(postgres: Server, encoding: str, warned_of: list[str]) -> None:
    """One without an encoding, as initdb may make it, holds any text; one that lacks characters is named."""
    with postgres.database(f"template0 ENCODING '{encoding}' LOCALE 'C'") as address, closing(Inbox(address)) as inbox:
        migrate.upgrade(inbox.database)
        inbox.store(arrival())
        assert claim_one(inbox).topic == "orders/create"
        assert [name for text in inbox.database.warnings(1) for name in ("LATIN1",) if name in text] == warned_of
