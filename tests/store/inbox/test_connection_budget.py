"""Connections: how many web and worker open, and the warning where the server allows fewer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import processes
from tests.support.deliveries import arrival
from webhook_app.config import settings
from webhook_app.errors import ConfigurationError, OverloadedError
from webhook_app.health.readiness import Readiness
from webhook_app.inbox import Inbox
from webhook_app.inbox.engines import connection_budget
from webhook_app.inbox.engines.connection_budget import Limits
from webhook_app.inbox.migrate import is_current
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.postgres import Server

PLAN = 20  # connections of the smallest hosted databases


def limits(of_server: int = 97, of_role: int | None = None, of_database: int | None = None) -> Limits:
    return Limits(160_000, of_server, of_role, of_database, "on")


def test_defaults_fit_a_small_plan_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Web and worker fit, also while a deployment starts the new ones beside the old."""
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    processes_of_web = settings.load().web_concurrency
    assert 2 * (processes_of_web * connection_budget.PER_PROCESS + connection_budget.PER_WORKER) <= PLAN
    assert connection_budget.warnings(limits(PLAN), processes_of_web, pooled=False) == []


@pytest.mark.parametrize(
    ("allowed", "web", "expected"),
    [
        (limits(of_role=9), 2, "allows 9 connections (the role), but web may open 6 (WEB_CONCURRENCY=2, 3 each)"),
        (limits(of_role=9), 2, "and a worker 4. Set WEB_CONCURRENCY=1, raise the limit"),
        (limits(of_role=5), 1, "and a worker 4. Raise the limit"),
        (limits(of_database=5), 1, "allows 5 connections (the database)"),
        (limits(of_server=17, of_role=30), 8, "allows 17 connections (max_connections)"),
    ],
)
def test_too_few_connections(allowed: Limits, web: int, expected: str) -> None:
    """The warning has the figures, what sets them, and what to change."""
    [sentence] = connection_budget.warnings(allowed, web, pooled=False)
    assert expected in sentence


@pytest.mark.parametrize(("of_server", "processes"), [(97, 17), (20, 5), (10, 2), (7, 1), (4, 1), (1, 1)])
def test_as_many_processes_start_as_fit(of_server: int, processes: int) -> None:
    """A large dyno with the smallest database starts fewer web processes than its size suggests; one at least."""
    assert connection_budget.fitting(limits(of_server), 17, by_host=False, pooled=False) == processes
    if processes > 1:
        assert connection_budget.warnings(limits(of_server), processes, pooled=False) == []


def test_what_a_host_chose_fits_twice() -> None:
    """Whatever the size of the dyno, old and new web processes and workers of a deployment find connections."""
    for of_server in (20, 40, 97, 120, 400):
        for chosen in range(2, 34):
            started = connection_budget.fitting(limits(of_server), chosen, by_host=True, pooled=False)
            connections = started * connection_budget.PER_PROCESS + connection_budget.PER_WORKER
            assert 2 * connections <= of_server
            assert started == chosen or 2 * (connections + connection_budget.PER_PROCESS) > of_server


def test_only_the_pooler_knows_its_connections() -> None:
    """Behind a pooler the server's limits do not apply."""
    assert connection_budget.fitting(limits(of_role=2), 8, by_host=True, pooled=True) == 8
    assert connection_budget.warnings(limits(of_role=2), 8, pooled=True) == []


def test_commits_that_are_not_durable() -> None:
    """A server that acknowledges before data is on disk causes a warning."""
    [sentence] = connection_budget.warnings(Limits(160_000, 97, None, None, "off"), 2, pooled=False)
    assert "synchronous_commit" in sentence


@pytest.mark.parametrize(("version", "old"), [(90_624, True), (130_012, True), (140_000, False), (170_002, False)])
def test_old_servers_are_refused(version: int, old: bool) -> None:
    """Versions below 14 are refused with one sentence."""
    if not old:
        return connection_budget.require_version(version)
    with pytest.raises(ConfigurationError, match=f"PostgreSQL {version // 10_000} is too old; 14 or newer is needed"):
        connection_budget.require_version(version)
    return None


@contextmanager
def limited(server: Server, number: int) -> Iterator[str]:
    """The address of a migrated database, as a role that may open so many connections."""
    server.run(f"CREATE ROLE limited LOGIN CONNECTION LIMIT {number}")
    with server.migrated() as address:
        server.run_in(address, "GRANT ALL ON ALL TABLES IN SCHEMA public TO limited")
        yield address.replace("postgres:@", "limited:@")
    server.run("DROP ROLE limited")


@pytest.mark.process
def test_limited_role_is_warned(postgres: Server) -> None:
    """The limits of a real server are read, and `check` shows the warning."""
    with limited(postgres, 9) as address:
        with closing(Inbox(address)) as inbox:
            [sentence] = inbox.database.warnings(2)
            assert "allows 9 connections (the role)" in sentence
            assert inbox.database.warnings(1) == []
        env = processes.environment(DATABASE_URL=address, SHOPS_FILE="shops.demo.toml")
        checked = processes.command("check", env=env)
        assert (checked.returncode, "allows 9 connections" in checked.stdout) == (0, True)


def test_process_opens_no_more_than_its_budget(postgres: Server) -> None:
    """However many threads use the inbox, a process opens no more than PER_PROCESS."""
    with (
        limited(postgres, connection_budget.PER_PROCESS) as address,
        closing(Inbox(address)) as inbox,
        ThreadPoolExecutor(16) as threads,
    ):
        assert len(list(threads.map(lambda _: stored_deliveries.counts(inbox), range(64)))) == 64


def test_pages_never_hold_up_storing(postgres: Server) -> None:
    """While every connection that pages may use is busy, and more pages wait, webhooks are stored at once."""
    with postgres.migrated() as address, closing(Inbox(address)) as inbox, ThreadPoolExecutor(8) as threads:
        busy, done = threading.Semaphore(0), threading.Event()
        pages = [threads.submit(page, inbox, busy, done) for _ in range(8)]
        for _ in range(connection_budget.PER_PROCESS - connection_budget.RESERVED):
            assert busy.acquire(timeout=60)
        assert not busy.acquire(timeout=0.1)
        assert not inbox.store(arrival()).duplicate
        assert is_current(inbox.database)
        done.set()
        assert all(found.result(60) for found in pages)


def page(inbox: Inbox, busy: threading.Semaphore, done: threading.Event) -> bool:
    """Hold a connection until `done`."""
    with inbox.database.read() as connection:
        busy.release()
        done.wait(60)
        return bool(connection.exec_driver_sql("SELECT 1").scalar())


def test_full_pool_is_no_outage(postgres: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A page that gets no connection is refused as such, and neither that nor a readiness probe starts the spool."""
    for name in ("CONNECTION_WAIT", "PAGE_WAIT"):
        monkeypatch.setattr(f"webhook_app.inbox.engines.postgres.{name}", 0.1)
    with postgres.migrated() as address, closing(Inbox(address)) as inbox, ExitStack() as stack:
        monkeypatch.setenv("DATABASE_URL", address)
        spool = stack.enter_context(closing(Spool(str(tmp_path / "spool.db"), inbox)))
        for _ in range(connection_budget.PER_PROCESS - connection_budget.RESERVED):
            stack.enter_context(inbox.database.read())
        with pytest.raises(OverloadedError):
            stored_deliveries.counts(inbox)
        assert not spool.store(arrival()).spooled
        with inbox.database.read(reserved=True):
            assert Readiness(settings.load(), inbox, spool).status() == "ready"
            assert spool.store(arrival("second")).spooled
        assert not spool.store(arrival("third")).spooled
        assert not spool.is_needed()
