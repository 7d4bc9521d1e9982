"""Migrations: one process at a time, all or nothing, and what a database lacks is found and created."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from tests.support import processes
from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from tests.support.statements import statements_of
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, State, migrate, schema
from webhook_app.inbox.tables import metadata, throttles

if TYPE_CHECKING:
    from collections.abc import Iterator

# Waits until all are ready, so that they begin at the same moment; `KILLED` dies with everything done but the commit.
PROGRAM = """
import os, signal, sys
from webhook_app.inbox import Inbox, migrate, schema
if "KILLED" in sys.argv:
    complete = schema.complete
    schema.complete = lambda connection: (complete(connection), os.kill(os.getpid(), signal.SIGKILL))
inbox = Inbox(sys.argv[1])
print("ready", flush=True)
input()
migrate.upgrade(inbox.database)
"""
# What migration 0002 was in its first version, before a table and a column of the index were added to it.
FIRST_0002 = (
    "DROP INDEX ix_deliveries_due",
    "CREATE INDEX ix_deliveries_shop_due ON deliveries (shop, due_at) WHERE due_at IS NOT NULL",
    "UPDATE alembic_version SET version_num = '0002'",
)


@pytest.fixture
def empty(database_url: str) -> Iterator[Inbox]:
    """The inbox of an empty database."""
    with closing(Inbox(database_url)) as inbox:
        inbox.database.prepare()
        yield inbox


def execute(inbox: Inbox, *statements: str) -> None:
    with inbox.database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))


def migrate_to(inbox: Inbox, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    with inbox.database.write() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture
def early(empty: Inbox) -> Inbox:
    """A database of an early version, at revision 0002, with a delivery."""
    migrate_to(empty, "0001")
    execute(empty, *FIRST_0002)
    return empty


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a process that will migrate."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, *arguments],
        cwd=processes.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(*started: subprocess.Popen[str]) -> list[int]:
    """Let them migrate at the same moment; returns their exit codes."""
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=processes.LONGEST)
    return [process.returncode for process in started]


def test_four_migrate_at_once(empty: Inbox, database_url: str) -> None:
    """One of them migrates, the others wait for it; one that was killed before its commit leaves nothing behind."""
    killed, *others = start(database_url, "KILLED"), *[start(database_url) for _ in range(4)]
    assert go(killed) == [-9]
    assert migrate.fault(empty.database) == "The database is not migrated."
    assert go(*others) == [0, 0, 0, 0]
    assert migrate.fault(empty.database) is None


def test_tables_that_webhooks_use_are_changed_last(empty: Inbox) -> None:
    """They are locked until the transaction ends, in which no other table is created or changed by then."""
    migrate.upgrade(empty.database)
    execute(empty, "DROP TABLE processes", "ALTER TABLE alerts DROP COLUMN cause", "DROP INDEX ix_deliveries_dead")
    execute(empty, "ALTER TABLE deliveries DROP COLUMN took", "ALTER TABLE business_keys DROP COLUMN until")
    with statements_of(empty) as executed:
        migrate.upgrade(empty.database)
    changes = [one.strip() for one, _ in executed if one.strip().startswith(("CREATE", "ALTER", "DROP"))]
    first = next(number for number, one in enumerate(changes) if one.startswith("ALTER TABLE business_keys"))
    assert [one for one in changes[first + 1 :] if "deliveries" not in one] == []
    assert len(changes[first + 1 :]) == 3


def test_early_database_is_completed(early: Inbox) -> None:
    """A database that ran the first version of 0002 lacks the table of breakers; `migrate` creates it."""
    assert migrate.fault(early.database) == f"The database is at 0002, and this version needs {migrate.head()}."
    assert not migrate.is_current(early.database)
    created = migrate.upgrade(early.database)
    assert {f"table {throttles.name}", "index ix_deliveries_shop_due"} <= set(created)
    assert migrate.fault(early.database) is None
    assert migrate.is_current(early.database)
    early.store(arrival())
    open_breaker(early, "acme")
    assert settle(early, claim_one(early), State.DELIVERED)


@pytest.mark.parametrize("table", metadata.tables)
def test_lacking_table_is_named_and_created(inbox: Inbox, table: str) -> None:
    """Although the revision is the newest."""
    execute(inbox, f"DROP TABLE {table}")
    assert migrate.fault(inbox.database) == f"The database lacks table {table}."
    assert not migrate.is_current(inbox.database)
    assert migrate.upgrade(inbox.database) == [f"table {table}"]
    assert migrate.fault(inbox.database) is None


def test_lacking_columns_and_indexes_are_named_and_created(inbox: Inbox) -> None:
    """Without a column statements fail; without an index they are slow, and the inbox can be used."""
    execute(inbox, "DROP INDEX ix_deliveries_dead", "DROP INDEX ix_reconciliations_ended")
    execute(inbox, "CREATE INDEX ix_reconciliations_ended ON reconciliations (ended_at)")
    assert (
        migrate.fault(inbox.database) == "The database lacks index ix_deliveries_dead, index ix_reconciliations_ended."
    )
    assert migrate.is_current(inbox.database)
    execute(inbox, "ALTER TABLE deliveries DROP COLUMN took", "ALTER TABLE business_keys DROP COLUMN until")
    assert not migrate.is_current(inbox.database)
    lacking = ["column business_keys.until", "column deliveries.took", "index ix_deliveries_dead"]
    lacking += ["index ix_reconciliations_ended"]
    assert migrate.fault(inbox.database) == f"The database lacks {', '.join(lacking)}."
    assert migrate.upgrade(inbox.database) == lacking
    assert migrate.upgrade(inbox.database) == []


def test_schema_is_compared_in_few_statements(inbox: Inbox) -> None:
    """Not in one for each table: pages and probes ask every few seconds, and every statement is a round trip."""
    with statements_of(inbox) as executed:
        assert migrate.fault(inbox.database) is None
    assert len(executed) <= 5 + len(schema.SETTINGS)


@pytest.mark.engines("postgres")
def test_lacking_function_is_named_and_created(inbox: Inbox) -> None:
    """A dump of the tables alone lacks it, and nothing could be stored without."""
    execute(inbox, "DROP FUNCTION delivery_known_as")
    assert migrate.fault(inbox.database) == "The database lacks function delivery_known_as."
    assert not migrate.is_current(inbox.database)
    assert migrate.upgrade(inbox.database) == ["function delivery_known_as"]
    inbox.store(arrival())


def test_earlier_version_goes_on_with_the_schema(early: Inbox) -> None:
    """The first release that was deployed asks for this very revision; tables and columns are added beside it."""
    migrate.upgrade(early.database)
    assert migrate.newer_revision(early.database) is None
    with early.database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "0007"


def test_newer_schema_is_current(inbox: Inbox) -> None:
    """During a release the processes of the previous version go on, and may be started again."""
    execute(inbox, "UPDATE alembic_version SET version_num = '9999'", "CREATE TABLE newer (id integer)")
    assert migrate.is_current(inbox.database)
    assert migrate.upgrade(inbox.database) == []
    assert migrate.newer_revision(inbox.database) == "9999"
    inbox.store(arrival())
    with inbox.database.read() as connection:
        assert "newer" in inspect(connection).get_table_names()


@pytest.mark.engines("postgres")
def test_tables_in_use_are_not_waited_for(early: Inbox, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that waits for a long reader holds up every webhook: it gives way, and tries again."""
    monkeypatch.setattr(migrate, "TRIES", 2)
    monkeypatch.setattr(migrate, "PAUSE", 0.0)
    monkeypatch.setattr(migrate, "LOCK_TIMEOUT", text("SET LOCAL lock_timeout = '20ms'"))
    with closing(Inbox(database_url)) as reader:
        with reader.database.write() as connection:
            connection.execute(text("SELECT 1 FROM deliveries"))
            with pytest.raises(StoreUnavailableError, match="in use by another session"):
                migrate.upgrade(early.database)
        assert {f"table {throttles.name}"} < set(migrate.upgrade(early.database))
