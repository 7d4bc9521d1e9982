"""PgBouncer in transaction mode in front of PostgreSQL: everything works, without notifications."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg
import pytest
from structlog.testing import capture_logs

from tests.support import pgbouncer, processes
from tests.support.deliveries import CALL, arrival, claim, claim_one, purchase, settle
from tests.support.service import Service
from webhook_app.inbox import Inbox, State, migrate
from webhook_app.inbox.engines.notifications import POLL
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Server

pytestmark = pgbouncer.needed


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[int]:
    """The port of a pooler with two connections to the server."""
    folder = tmp_path_factory.mktemp("pooler")
    with pgbouncer.running(folder, postgres, pool_mode="transaction", default_pool_size=2) as port:
        yield port


@pytest.fixture
def database_url(postgres: Server, port: int) -> Iterator[str]:
    """The address of an empty database, through the pooler."""
    with postgres.database() as address:
        yield pgbouncer.through(port, address)


@pytest.fixture(params=[True, False], ids=["declared", "undeclared"])
def configured(request: pytest.FixtureRequest) -> bool:
    """Whether DATABASE_POOLER names the pooler."""
    return bool(request.param)


@pytest.fixture
def inbox(configured: bool, database_url: str) -> Iterator[Inbox]:
    """A migrated inbox behind a pooler."""
    with closing(Inbox(database_url, pooled=configured)) as inbox:
        migrate.upgrade(inbox.database)
        yield inbox


def test_every_verb_works(inbox: Inbox, configured: bool, database_url: str) -> None:
    """Store, claim, reserve, settle, release and replay, often enough for statements to be prepared and mixed up."""
    with closing(Inbox(database_url, pooled=configured)) as other:
        for number in range(1, 21):
            each = (inbox, other)[number % 2]
            each.store(arrival(str(number)))
            each.release(claim(each))
            delivery = claim_one(each)
            assert each.reserve([(delivery, purchase(f"purchase:{number}"))]) == {number: number}
            assert settle(each, delivery, State.DEAD, call=CALL)
            assert operator_actions.replay(each, [number]) == {number}
            assert settle(each, claim_one(each), State.DELIVERED)
    assert stored_deliveries.counts(inbox) == {"delivered": 20}


def test_migrations_are_current(inbox: Inbox) -> None:
    """Migrations are applied through the pooler, and found applied."""
    migrate.upgrade(inbox.database)
    assert migrate.is_current(inbox.database)


def test_waiting_is_polling(inbox: Inbox, configured: bool) -> None:
    """A worker without notifications polls every second; it detects the pooler when the setting is missing."""
    with capture_logs() as lines:
        inbox.wakeups.wait(0)
        inbox.store(arrival())
        for _ in range(3):
            began = time.monotonic()
            inbox.wakeups.wait(30)
            assert time.monotonic() - began < 10 * POLL
    assert [line["event"] for line in lines] == ([] if configured else ["notifications_unavailable"])


def test_a_listener_with_notifications_stays(postgres: Server) -> None:
    """Without a pooler nothing is logged."""
    with postgres.database() as address, closing(Inbox(address)) as inbox, capture_logs() as lines:
        inbox.wakeups.wait(0)
        began = time.monotonic()
        inbox.wakeups.wait(2)
        assert time.monotonic() - began >= 2
    assert lines == []


@pytest.mark.parametrize("variables", [{"DATABASE_POOLER": "transaction"}, {}], ids=["declared", "undeclared"])
def test_worker_delivers(tmp_path: Path, database_url: str, variables: dict[str, str]) -> None:
    """From the webhook to Tweakwise in seconds, with real processes."""
    with Service(tmp_path, database_url, **variables) as service:
        assert processes.command("migrate", env=service.env).returncode == 0
        service.start_all()
        assert {service.post(number).status_code for number in range(1, 30)} == {200}
        assert set(service.wait_for(set(range(1, 30))).values()) == {1}


def test_the_pooler_is_one(database_url: str) -> None:
    """What these tests stand on: two transactions of one client may use two connections of the server."""
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        for _ in range(2):
            pids = [each.execute("SELECT pg_backend_pid()").fetchone() for each in (first, second)]
            assert pids[0] != pids[1]
            first.commit()
            second.commit()
