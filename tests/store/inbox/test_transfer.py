"""Moving an inbox to another database, in either direction."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from tests.support.deliveries import CALL, arrival, claim, purchase, settle
from tests.support.processes import ROOT, environment, start
from webhook_app.cli import main
from webhook_app.inbox import Inbox, Selection, Settlement, State, migrate, queue, transfer
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.presence import WEB, Presence
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.tables import metadata
from webhook_app.throttling.state import Scope, ThrottleState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Column, Table

    from tests.conftest import Clock

# Kills itself after so many pages.
KILLED = """
import os, signal, sys
from webhook_app.inbox import migrate, transfer
from webhook_app.inbox.engines.factory import open_database
source, target = open_database(sys.argv[1]), open_database(sys.argv[2])
transfer.PAGE = 7
migrate.upgrade(target)
for number, _ in enumerate(transfer.copy(source, target), 1):
    if number == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database of the other engine."""
    if not database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
    else:
        with request.getfixturevalue("postgres").database() as address:
            yield address


@pytest.fixture
def filled(inbox: Inbox, database_url: str) -> Inbox:
    """An inbox with something in every table and every state but delivering."""
    for number in range(40):
        inbox.store(arrival(str(number), body=bytes([number, 0, 255]) * 10))
    first, second, third, fourth, *_ = claimed = claim(inbox, 20)
    inbox.reserve([(delivery, purchase(f"purchase:{delivery.id}")) for delivery in claimed])
    settle(inbox, first, State.DELIVERED, call=CALL, attempted=True)
    settle(inbox, second, State.DEAD, reason="http_422", answer="odd" + "\0" * database_url.startswith("sqlite"))
    settle(inbox, third, State.WAITING, reason="connect", retry_in=30)
    settle(inbox, fourth, State.IGNORED, reason="no_profile", wipes=True)
    inbox.release(claimed[4:])

    def opened(throttle: ThrottleState) -> tuple[ThrottleState, None]:
        return ThrottleState(
            throttle.scope, 3, "http_401", 2, 1_795_000_000_000, probing=True, rate=0.1, rate_at=5, next_at=1 / 3
        ), None

    inbox.update_throttle(Scope.shop("acme"), opened)
    return inbox


def moved(source: str, target: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["move", "--from", source, "--to", target, *options])


def test_everything_is_moved(filled: Inbox, database_url: str, other_url: str) -> None:
    """Rows, bodies, business keys and throttles are in the target, and the command confirms it."""
    result = moved(database_url, other_url)
    assert result.exit_code == 0, result.output
    assert "Both are the same." in result.output
    with closing(Inbox(other_url)) as other:
        assert [(row.id, row.state, row.call) for row in stored_deliveries.newest(other, 100)] == [
            (row.id, row.state, row.call) for row in stored_deliveries.newest(filled, 100)
        ]
        numbers = range(1, 41)
        assert stored_deliveries.bodies_of(other, numbers) == stored_deliveries.bodies_of(filled, numbers)
        assert other.throttles() == filled.throttles()


def filler(column: Column[Any]) -> Any:
    """A value for a column that differs from an empty one."""
    if column.name == "state":
        return State.DEAD.value
    return {int: 7, str: "x", float: 0.5, bool: True, bytes: b"x"}[column.type.python_type]


def rows_of(inbox: Inbox, table: Table) -> list[Any]:
    with inbox.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(table))]


def test_every_table_is_moved(inbox: Inbox, database_url: str, other_url: str) -> None:
    """Every table of the metadata is moved, except those that are counted again in the target, and refused requests."""
    with inbox.database.write() as connection:
        for table in metadata.tables.values():
            connection.execute(table.insert().values({column.key: filler(column) for column in table.columns}))
    result = moved(database_url, other_url)
    assert result.exit_code == 0, result.output
    with closing(Inbox(other_url)) as other:
        arrived = {table.name for table in metadata.tables.values() if rows_of(other, table)}
        assert arrived == {*metadata.tables} - {table.name for table in transfer.RECOMPUTED}
        assert all(rows_of(other, metadata.tables[name]) == rows_of(inbox, metadata.tables[name]) for name in arrived)


def test_moved_inbox_continues(filled: Inbox, database_url: str, other_url: str) -> None:
    """New webhooks get new numbers, old ones are duplicates, and a counted order stays counted."""
    moved(database_url, other_url)
    with closing(Inbox(other_url)) as other:
        assert other.store(arrival("new")).id == 41
        assert other.store(arrival("7")).duplicate
        delivery = next(one for one in claim(other, 60) if one.id == 41)
        assert other.reserve([(delivery, purchase("purchase:1"))]) == {41: 1}


@pytest.mark.process
@pytest.mark.parametrize("pages", [1, 3, 6, 9, 14])
def test_second_run_completes_a_killed_one(filled: Inbox, database_url: str, other_url: str, pages: int) -> None:
    """After a kill -9 at any page, the second run ends with the same contents on both sides."""
    killed = subprocess.run([sys.executable, "-c", KILLED, database_url, other_url, str(pages)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    with closing(Inbox(other_url)) as other:
        assert stored_deliveries.counts(other)
    assert "Both are the same." in moved(database_url, other_url).output


@pytest.mark.process
def test_second_run_completes_a_killed_command(inbox: Inbox, database_url: str, other_url: str, tmp_path: Path) -> None:
    """The command itself, killed while it writes, is completed by a second run."""
    with inbox.database.write(hot=True) as connection:
        queue.store(connection, [arrival(str(number)) for number in range(20_000)], 1)
    with closing(Inbox(other_url)) as other:
        migrate.upgrade(other.database)
        log = tmp_path / "log"
        process = start("move", "--from", database_url, "--to", other_url, env=environment(), log=log)
        while not stored_deliveries.counts(other) and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        assert process.wait(30) == -9, log.read_text()
    assert "Both are the same." in moved(database_url, other_url).output


def test_second_run_copies_what_changed(filled: Inbox, database_url: str, other_url: str) -> None:
    """Deliveries that were settled, wiped or received since the first run are copied by the second."""
    moved(database_url, other_url)
    filled.store(arrival("later"))
    operator_actions.discard(filled, [2, 3], "dropped")
    settlements = [Settlement(one, State.IGNORED, wipes=True) for one in claim(filled, 5)]
    filled.settle(settlements)
    assert "Both are the same." in moved(database_url, other_url).output
    with closing(Inbox(other_url)) as other:
        assert stored_deliveries.counts(other) == stored_deliveries.counts(filled)
        assert [row.id for row in stored_deliveries.newest(other, 9, Selection(reason="dropped"))] == [3, 2]


def test_leases_are_waited_for(inbox: Inbox, database_url: str, other_url: str, clock: Clock) -> None:
    """While a worker has claimed deliveries, moving could send them twice: the message says what to do."""
    clock.now = int(time.time() * 1000)
    inbox.store(arrival())
    claimed = claim(inbox)
    result = moved(database_url, other_url)
    assert result.exit_code == 1
    assert "Stop the workers" in result.output
    inbox.release(claimed)
    clock.move(-120)
    claim(inbox)
    assert moved(database_url, other_url).exit_code == 0


def test_running_processes_are_refused(inbox: Inbox, database_url: str, other_url: str, clock: Clock) -> None:
    """What a receiver stores during a move would be missing; one that was killed can be ignored."""
    clock.now = int(time.time() * 1000)
    receiver = Presence(inbox, WEB)
    receiver.record()
    refused = moved(database_url, other_url)
    assert refused.exit_code == 1
    assert "1 web still run on the source" in refused.output
    assert moved(database_url, other_url, "--force").exit_code == 0
    receiver.end()
    assert moved(database_url, other_url).exit_code == 0


def test_other_deliveries_are_refused(filled: Inbox, database_url: str, other_url: str) -> None:
    """A target that is in use is not changed."""
    with closing(Inbox(other_url)) as other:
        migrate.upgrade(other.database)
        other.store(arrival("theirs"))
        result = moved(database_url, other_url)
        assert result.exit_code == 1
        assert "holds other deliveries" in result.output
        assert stored_deliveries.counts(other) == {"received": 1}


def test_newer_states_are_not_overwritten(filled: Inbox, database_url: str, other_url: str) -> None:
    """Once a worker delivers from the target, the older states of the source would send everything again."""
    moved(database_url, other_url)
    with closing(Inbox(other_url)) as other:
        other.settle([Settlement(one, State.DELIVERED, call=CALL) for one in claim(other, 50)])
        result = moved(database_url, other_url)
        assert result.exit_code == 1
        assert "newer there" in result.output


def test_contents_differ_by_state_and_body(filled: Inbox, database_url: str, other_url: str) -> None:
    """The contents of two databases differ as soon as one state or one body does."""
    moved(database_url, other_url)
    with closing(Inbox(other_url)) as other:
        same = transfer.contents(filled.database)
        assert transfer.contents(other.database) == same
        operator_actions.discard(other, [2], "dropped")
        assert transfer.contents(other.database) != same


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("sqlite:///{0}/none.db", "sqlite:///{0}/b.db", 1),
        ("sqlite:///{0}/a.db", "sqlite:///{0}/a.db", 2),
        ("mysql://secret@x/y", "sqlite:///{0}/b.db", 2),
    ],
)
def test_wrong_addresses(tmp_path: Path, source: str, target: str, code: int) -> None:
    """An invalid address is refused without quoting it, and creates no file."""
    result = moved(source.format(tmp_path), target.format(tmp_path))
    assert result.exit_code == code
    assert "secret" not in result.output
    assert list(tmp_path.iterdir()) == []
