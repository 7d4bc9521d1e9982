"""PostgreSQL away: at the start, in mid-load, and back again, with real processes."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from tests import processes
from tests.service import Load, Service
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Server


@pytest.fixture
def database_url(postgres: Server) -> Iterator[str]:
    with postgres.database() as address:
        yield address


@pytest.fixture
def migrated_url(database_url: str) -> str:
    with closing(Inbox(database_url)) as inbox:
        migrate.upgrade(inbox.database)
    return database_url


@pytest.fixture
def service(tmp_path: Path, migrated_url: str) -> Iterator[Service]:
    with Service(tmp_path, migrated_url) as service:
        yield service


def test_away_at_the_start_and_in_mid_load(service: Service, postgres: Server) -> None:
    """The web process starts and answers 503 while there is no database, and nothing that it acknowledged is lost."""
    with postgres.stopped():
        service.start_all()
        answer = service.post(1)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert requests.get(f"{service.url}/readyz", timeout=10).status_code == 503
    with Load(service, first=100) as load:
        load.seen("stored")
        with postgres.stopped():
            away = load.seen("unavailable", after=len(load.statuses))
        load.seen("stored", after=away)
    arrived = service.wait_for(load.acknowledged())
    assert set(arrived.values()) == {1}
    assert service.logged("worker", "store_unavailable")
    assert not service.logged("worker", "unexpected") + service.logged("web", "unexpected")


def test_killed_server_loses_nothing(service: Service, postgres: Server) -> None:
    """What was acknowledged before the server was killed with -9 is there when it has recovered."""
    service.start_all()
    with Load(service, first=100) as load:
        load.seen("stored")
        postgres.kill()
        away = load.seen("unavailable")
        postgres.start()
        load.seen("stored", after=away)
    assert set(service.wait_for(load.acknowledged()).values()) == {1}


def test_run_waits_for_the_database(tmp_path: Path, database_url: str, postgres: Server) -> None:
    """`run` starts while the database is away, and migrates and delivers once it is there."""
    with Service(tmp_path, database_url) as service:
        with postgres.stopped():
            service.start("sandbox", f"--port={service.sandbox_port}", ready=f"{service.sandbox}/healthz")
            service.start("run", ready=f"{service.url}/healthz")
            assert service.post(1).status_code == 503
        wait_until_stored(service)
        service.wait_for({1})


def wait_until_stored(service: Service) -> None:
    processes.wait_for(lambda: requests.get(f"{service.url}/readyz", timeout=10).ok)
    assert service.post(1).json()["status"] == "stored"
