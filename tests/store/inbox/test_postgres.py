"""The inbox on PostgreSQL: what that engine alone does."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.deliveries import arrival, claim, claim_one, purchase, settle
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, State, queue
from webhook_app.inbox.engines.statements import Work
from webhook_app.inbox.store import QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server

HEAR = (
    "CREATE TABLE heard (number serial, state text, setting text)",
    """CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO heard (state, setting) VALUES (NEW.state, current_setting('synchronous_commit')); RETURN NEW; END $$""",
    "CREATE TRIGGER hear BEFORE INSERT OR UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION hear()",
)
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


@pytest.fixture
def database_url(postgres: Server) -> Iterator[str]:
    with postgres.database() as address:
        yield address


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of somebody else's to the same database, each statement by itself."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def terminate(connection: psycopg.Connection) -> int:
    """End every other connection to this database; tells how many there were."""
    return len(connection.execute(TERMINATE, [connection.info.dbname]).fetchall())


def rings_within(inbox: Inbox, seconds: float, attempts: int = 1) -> bool:
    """Tell whether a delivery kept by another process wakes this one in time."""
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


def test_commits_are_durable_except_of_claims(inbox: Inbox, other: psycopg.Connection) -> None:
    """What is kept or settled is on disk when it is said so; a claim that a power failure undoes is made again."""
    for statement in HEAR:
        other.execute(statement.encode())
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED)
    heard = other.execute("SELECT state, setting FROM heard ORDER BY number").fetchall()
    assert heard == [("received", "on"), ("delivering", "off"), ("delivered", "on")]


def test_claim_passes_over_what_another_transaction_holds(inbox: Inbox, database_url: str) -> None:
    """Workers do not wait for each other: one takes what the other has not."""
    for name in "ab":
        inbox.store(arrival(name))
    impatient = Inbox(f"{database_url}&options=-c%20lock_timeout%3D1000")
    with psycopg.connect(database_url) as another:
        another.execute("SELECT 1 FROM deliveries WHERE id = 1 FOR UPDATE")
        assert [delivery.id for delivery in claim(impatient, 2)] == [2]
    assert [delivery.id for delivery in claim(impatient, 2)] == [1]
    impatient.close()


def test_workers_never_share_a_claim(inbox: Inbox, database_url: str) -> None:
    """However many processes claim at once, each delivery goes to one."""
    for number in range(120):
        inbox.store(arrival(str(number)))
    workers = [Inbox(database_url) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        groups = list(threads.map(lambda turn: claim(workers[turn % 3], 7), range(24)))
    assert sorted(delivery.id for group in groups for delivery in group) == list(range(1, 121))
    for worker in workers:
        worker.close()


class Explaining:
    """A cursor that notes the plan of whatever it executes."""

    def __init__(self, cursor: Any) -> None:
        self.cursor, self.plans = cursor, list[str]()

    def execute(self, sql: str, parameters: Any) -> None:
        self.cursor.execute(f"EXPLAIN {sql}", parameters)
        self.plans.append(str(self.cursor.fetchall()))
        self.cursor.execute(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


def test_claiming_uses_the_index_of_unfinished_rows(inbox: Inbox, other: psycopg.Connection) -> None:
    """The cost of looking and claiming does not grow with what is settled."""
    many = "SELECT 's', 'p', 't', n::text, '', 0, 'delivered', '', '', 1, 0, 0, n FROM generate_series(1, 5000) n"
    names = "shop, platform, topic, identity, domain, received_at, state, reason, detail, claims, lapses, attempts"
    other.execute(f"INSERT INTO deliveries ({names}, settled_at) {many}".encode())
    inbox.store(arrival())
    other.execute("VACUUM ANALYZE deliveries")
    with inbox.database.working() as work:
        explaining = Explaining(work.cursor)
        explained = Work(explaining, work.dialect)
        assert QUEUES.run(explained, {})
        assert queue.claim(explained, {"acme": 8}, now=1, until=2)
    asked = [plan for plan in explaining.plans if "deliveries" in plan]
    assert len(asked) == 2  # whose turn it is, and the claim
    for plan in asked:
        assert "ix_deliveries_shop_due" in plan
        assert "Seq Scan on deliveries" not in plan


PREPARED = "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements WHERE statement ~ %s"


def kept_plans(inbox: Inbox) -> list[str]:
    """Return how the server means to run the statements that this inbox has prepared."""
    with inbox.database.working() as work:
        prepared = work.cursor.execute(PREPARED, ("deliveries|bodies|business_keys",)).fetchall()
        nothing = {name: ", ".join(["NULL"] * many) for name, many in prepared}
        explained = [f"EXPLAIN EXECUTE {name}{f'({nulls})' if nulls else ''}" for name, nulls in nothing.items()]
        return [str(work.cursor.execute(each, prepare=False).fetchall()) for each in explained]


@pytest.mark.parametrize("rows", [0, 60])
def test_plans_from_when_there_was_little_do_for_much(inbox: Inbox, other: psycopg.Connection, rows: int) -> None:
    """A server keeps the plan of a prepared statement; made on small tables, it must not read all of large ones."""
    inbox.store_all([arrival(f"before {number}") for number in range(rows)])
    other.execute("VACUUM ANALYZE")
    for turn in range(12):
        inbox.store(arrival(f"turn {turn}"))
        delivery = claim_one(inbox)
        assert inbox.reserve([(delivery, purchase(f"purchase:{turn}"))]) == {delivery.id: delivery.id}
        assert inbox.reserve([(delivery, purchase("purchase:0"))])
        assert settle(inbox, delivery, State.WAITING, retry_in=0.0)
        inbox.release([claim_one(inbox)])
    plans = kept_plans(inbox)
    assert len(plans) >= 8
    assert [plan for plan in plans if "Seq Scan on" in plan or "Sort Key" in plan] == []


def test_listening_wakes_at_once(inbox: Inbox) -> None:
    """A worker on another machine hears of a delivery as soon as it is kept."""
    inbox.wakeups.wait(0)
    assert rings_within(inbox, 2)


def test_listening_begins_anew_after_its_connection_was_ended(inbox: Inbox, other: psycopg.Connection) -> None:
    """A terminated backend makes a worker deaf for seconds, not for ever."""
    inbox.wakeups.wait(0)
    assert terminate(other)
    assert rings_within(inbox, 0.9, attempts=30)


def test_listening_begins_anew_after_a_restart(inbox: Inbox, postgres: Server) -> None:
    """So does a server that was started again."""
    inbox.wakeups.wait(0)
    with postgres.stopped():
        inbox.wakeups.wait(0.5)
    assert rings_within(inbox, 0.9, attempts=30)


def test_waiting_for_a_server_that_is_away_takes_its_time(inbox: Inbox, postgres: Server) -> None:
    """Where nothing can be heard a worker looks now and then, and does not spin."""
    with postgres.stopped():
        inbox.wakeups.wait(0)
        began = time.monotonic()
        inbox.wakeups.wait(0.5)
        inbox.wakeups.wait(0.5)
    assert time.monotonic() - began >= 1


def test_keeping_survives_broken_connections(inbox: Inbox, other: psycopg.Connection) -> None:
    """The very next delivery after all connections were ended is kept, and so are those at the same time."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: inbox.store(arrival(str(number))), range(32)))
        assert terminate(other)
        kept = list(threads.map(lambda number: inbox.store(arrival(f"later {number}")), range(32)))
    assert not any(one.duplicate for one in kept)
    assert inbox.counts() == {"received": 64}


def test_keeping_survives_a_restart(inbox: Inbox, postgres: Server) -> None:
    """The first delivery after the server was started again is kept at once."""
    inbox.store(arrival("a"))
    with postgres.stopped(), pytest.raises(StoreUnavailableError):
        inbox.store(arrival("b"))
    assert not inbox.store(arrival("b")).duplicate


def test_every_verb_recovers_by_itself(inbox: Inbox, other: psycopg.Connection) -> None:
    """What a worker does fails once at the most after its connections were ended."""
    inbox.store(arrival())
    terminate(other)
    with pytest.raises(StoreUnavailableError) as caught:
        inbox.queues()
    assert caught.value.transient
    assert claim_one(inbox).id == 1


def test_deadlocked_group_is_kept(inbox: Inbox, database_url: str) -> None:
    """Two web processes that get the same deliveries in opposite orders do not fail each other."""
    with psycopg.connect(database_url) as first, ThreadPoolExecutor(1) as thread:
        first.execute("SET deadlock_timeout = '60s'")  # so that it is the other one that gives way
        insert(first, "b")
        group = thread.submit(inbox.store_all, [arrival("a"), arrival("b")])
        time.sleep(0.3)  # it holds a now, and waits for b
        insert(first, "a")
        first.commit()
        assert group.result(20)[1].duplicate


def insert(connection: psycopg.Connection, identity: str) -> None:
    values = f"'acme', 'p', 't', '{identity}', '', 0, 'received', '', '', 0, 0, 0, 0"
    names = "shop, platform, topic, identity, domain, received_at, state, reason, detail, due_at, claims, lapses"
    connection.execute(f"INSERT INTO deliveries ({names}, attempts) VALUES ({values}) ON CONFLICT DO NOTHING".encode())


@pytest.mark.parametrize("seed", ["jan@example.test", "jan\0@example.test"])
def test_errors_carry_no_values(inbox: Inbox, other: psycopg.Connection, seed: str) -> None:
    """What goes wrong is told in the server's own words, which hold nothing of what was sent."""
    other.execute("ALTER TABLE deliveries ADD CHECK (position('jan' in identity) = 0)")
    with pytest.raises(StoreUnavailableError) as caught:
        inbox.store(arrival(identity=seed, body=b"jan@example.test"))
    assert "jan" not in str(caught.value)
    assert "secret" not in str(caught.value)
