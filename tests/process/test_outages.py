"""PostgreSQL away: at the start, in mid-load, and back again, with real processes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest
import requests

from tests.support import processes, sockets
from tests.support.service import Load, Service
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.postgres import Server

T = TypeVar("T")


pytestmark = pytest.mark.engines("postgres")


@pytest.fixture
def service(tmp_path: Path, migrated_url: str) -> Iterator[Service]:
    """Web, worker and sandbox on PostgreSQL, not started."""
    with Service(tmp_path, migrated_url) as service:
        yield service


def test_away_at_the_start_and_in_mid_load(service: Service, postgres: Server) -> None:
    """The web process starts and answers 503 while there is no database, and nothing that it acknowledged is lost."""
    with postgres.stopped():
        service.start_all()
        answer = service.post(1)
        assert (answer.status_code, int(answer.headers["Retry-After"]) > 0) == (503, True)
        assert requests.get(f"{service.url}/readyz", timeout=processes.LONGEST).status_code == 503
    with Load(service, first=100) as load:
        load.seen("stored")
        with postgres.stopped():
            away = load.seen("unavailable", after=len(load.statuses))
        load.seen("stored", after=away)
    arrived = service.wait_for(load.acknowledged())
    assert set(arrived.values()) == {1}
    assert service.logged("worker", "store_unavailable")
    assert not service.logged("worker", "unexpected_error") + service.logged("web", "unexpected_error")


def test_killed_server_loses_nothing(service: Service, postgres: Server) -> None:
    """What was acknowledged before the server was killed with -9 is there when it has recovered.

    What was in flight may be sent once more: claims are not synced, so that the server may have forgotten some.
    """
    service.start_all()
    with Load(service, first=100) as load:
        load.seen("stored")
        postgres.kill()
        away = load.seen("unavailable")
        postgres.start()
        load.seen("stored", after=away)
    assert set(service.wait_for(load.acknowledged()).values()) <= {1, 2}


SOON = 5.0  # seconds that a platform waits for an answer, and about those that a silent database costs
WEB_PROCESSES = 2


def test_frozen_server_keeps_no_request_waiting(service: Service, postgres: Server) -> None:
    """A server that does not answer counts as down: 503 in time, and no delivery is stored twice later."""
    service.start_all()
    assert service.post(1).status_code == 200
    with postgres.frozen(), ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda number: timed(partial(service.post, number)), range(2, 10)))
    assert {answer.status_code for answer, _ in answers} == {503}
    assert all("Retry-After" in answer.headers for answer, _ in answers)
    assert max(took for _, took in answers) < 2 * SOON
    assert min(took for _, took in answers) < SOON
    for number in range(1, 10):
        processes.wait_for(lambda: service.post(number).status_code == 200)  # noqa: B023 - called within the loop
    assert set(service.wait_for(set(range(1, 10))).values()) == {1}


@pytest.fixture
def spooling(tmp_path: Path, migrated_url: str) -> Iterator[Service]:
    """The same with a spool."""
    spool = str(tmp_path / "spool.db")
    with Service(tmp_path, migrated_url, SPOOL=spool, WEB_CONCURRENCY=str(WEB_PROCESSES)) as service:
        yield service


def test_spool_answers_while_the_database_is_away(spooling: Service, postgres: Server, migrated_url: str) -> None:
    """With a spool everything is acknowledged all the time, and arrives once and in order."""
    spooling.start_all()
    with Load(spooling, first=100, threads=1) as load:
        load.seen("stored")
        with postgres.stopped():
            away = load.seen("spooled")
            assert requests.get(f"{spooling.url}/readyz", timeout=processes.LONGEST).json() == {"status": "spooling"}
            processes.wait_for(lambda: len(load.statuses) > away + 50)
        load.seen("stored", after=away)
    assert {code for _, code, _ in load.statuses} == {200}
    assert set(spooling.wait_for(load.acknowledged()).values()) == {1}
    check_order(migrated_url, [number for number, _, answered in load.statuses if answered == "spooled"])
    assert sum(line["count"] for line in spooling.logged("web", "spool_drained")) >= 50
    # Once a process, and once more where it tried too early.
    assert len(spooling.logged("web", "spooling_started")) <= 2 * WEB_PROCESSES


def test_spool_answers_while_the_database_stands_still(spooling: Service, postgres: Server) -> None:
    """The first of each web process waits until the time-out, all others do not; and nothing arrives twice."""
    spooling.start_all()
    assert spooling.post(1).json()["status"] == "stored"
    with postgres.frozen():
        answers = [timed(partial(spooling.post, number)) for number in range(2, 10)]
    assert {answer.json()["status"] for answer, _ in answers} == {"spooled"}
    longest = max(took for _, took in answers)
    assert longest < 2 * SOON
    assert sum(took > longest / 2 for _, took in answers) <= WEB_PROCESSES
    assert set(spooling.wait_for(set(range(1, 10))).values()) == {1}


def check_order(database_url: str, spooled: list[int]) -> None:
    with closing(Inbox(database_url)) as inbox:
        stored = [row.business_key for row in reversed(stored_deliveries.newest(inbox, 10_000))]
    wanted = [f"purchase:{number}" for number in spooled]
    assert [key for key in stored if key in set(wanted)] == wanted


def test_silent_database_holds_up_the_first_alone(tmp_path: Path) -> None:
    """A server that accepts connections but does not answer delays one group, and the process continues meanwhile."""
    with sockets.serving(sockets.hanging) as server:
        address = f"postgres://u@{server.address}/inbox"
        with Service(tmp_path, address, SPOOL=str(tmp_path / "spool.db")) as service:
            service.start("web", ready=f"{service.url}/healthz")
            with ThreadPoolExecutor(1) as thread:
                first = thread.submit(timed, lambda: service.post(1).json())
                longest = max(
                    timed(lambda: requests.get(f"{service.url}/healthz", timeout=processes.LONGEST))[1]
                    for _ in range(50)
                )
            answer, delay = first.result()
            assert answer == {"status": "spooled"}
            assert longest < delay / 2
            answer, took = timed(lambda: service.post(2).json())
            assert answer == {"status": "spooled"}
            assert took < delay / 2


def timed(ask: Callable[[], T]) -> tuple[T, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


def test_web_killed_while_draining(spooling: Service, postgres: Server, migrated_url: str) -> None:
    """Killed with -9 in the middle of it, the next web process drains the rest."""
    spooling.start_all()
    with postgres.stopped(), Load(spooling, first=100) as load:
        processes.wait_for(lambda: len(load.statuses) > 200)
    with closing(Inbox(migrated_url)) as inbox:
        processes.wait_for(lambda: sum(stored_deliveries.counts(inbox).values()) > 0)
        spooling.kill("web")
    spooling.start("web", ready=f"{spooling.url}/healthz")
    assert {answered for _, _, answered in load.statuses} == {"spooled"}
    assert set(spooling.wait_for(load.acknowledged()).values()) == {1}


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
    processes.wait_for(lambda: requests.get(f"{service.url}/readyz", timeout=processes.LONGEST).ok)
    assert service.post(1).json()["status"] == "stored"
