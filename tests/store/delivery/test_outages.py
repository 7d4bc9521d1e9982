"""Workers while the store is away: known outcomes are settled however late, and no call begins meanwhile."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.deliveries import arrival
from tests.support.local_tweakwise import LocalTweakwise, serving
from tests.support.recordings import EVERY
from webhook_app.delivery import worker
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.conftest import Clock
    from webhook_app.delivery.dispatcher import Job
    from webhook_app.inbox import Settlement

[SHOP] = [one.shop for one in EVERY if one.name == "shopify/orders_create__note-attributes"]
OPTIONS = worker.WorkerOptions(
    threads=2,
    ages=AgeLimits(max_order_age=10**9, max_age=10**9),
    policy=retry_policy.Policy(base=0.05, cap=0.1, give_up_after=3600),
    retention=Retention(10**9, 10**9),
)
WITHIN = 60  # seconds; the machine may be busy
DELAY = 200  # milliseconds of a call


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers try the store again at once."""
    monkeypatch.setattr(worker, "STORE_PAUSE", 0.05)
    monkeypatch.setattr(worker, "CLAIM_PAUSE", 0.2)


@pytest.fixture
def tweakwise() -> Iterator[LocalTweakwise]:
    """A local Tweakwise that takes a little for each call."""
    with serving() as local:
        local.trouble(delay_ms=DELAY)
        yield local


def order(number: int) -> bytes:
    return json.dumps(
        {
            "id": number,
            "created_at": "2026-11-26T08:00:00Z",
            "financial_status": "paid",
            "note_attributes": [{"name": "tweakwise_profile_key", "value": f"visitor-{number}"}],
            "line_items": [{"product_id": 7, "quantity": 1}],
        }
    ).encode()


def store(inbox: Inbox, count: int) -> None:
    for number in range(1, count + 1):
        inbox.store(arrival(f"order-{number}", order(number), shop="shopify"))


@contextmanager
def working(inbox: Inbox, tweakwise: LocalTweakwise) -> Iterator[worker.Worker]:
    client: Client[Job] = Client(tweakwise.url, timeout=2)
    running = worker.Worker(inbox, {"shopify": replace(SHOP, name="shopify")}, all_platforms(), client, OPTIONS)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(WITHIN)
        assert not thread.is_alive()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class Outage:
    """The deliveries' table is away during the block, so that every process finds the store unavailable."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def __enter__(self) -> None:
        self._run("ALTER TABLE deliveries RENAME TO away")

    def __exit__(self, *_: object) -> None:
        self._run("ALTER TABLE away RENAME TO deliveries")

    def _run(self, statement: str) -> None:
        with self._inbox.database.write() as connection:
            connection.exec_driver_sql(statement)


def delivered(inbox: Inbox, count: int) -> bool:
    return stored_deliveries.counts(inbox) == {"delivered": count}


def calls_in_flight_ended(tweakwise: LocalTweakwise) -> int:
    """Wait until no call ends for longer than one takes; return how many have ended in all."""
    before, now = -1, len(tweakwise.events())
    while now > before:
        time.sleep(2 * DELAY / 1000)
        before, now = now, len(tweakwise.events())
    return now


def events_of(logs: list[Any]) -> list[str]:
    return [line["event"] for line in list(logs)]


def test_outage_longer_than_the_lease_repeats_no_call(
    inbox: Inbox, migrated_url: str, tweakwise: LocalTweakwise, clock: Clock
) -> None:
    """What was sent before or during it is settled once it is over, and no other worker takes it over meanwhile."""
    store(inbox, 6)
    with ExitStack() as stack, capture_logs() as logs:
        for number in range(2):
            own = Inbox(migrated_url, lease=60, clock=clock) if number else inbox
            stack.callback(own.close)
            stack.enter_context(working(own, tweakwise))
        wait_until(lambda: len(tweakwise.events()) >= 1)
        with Outage(inbox):
            wait_until(lambda: "store_unavailable" in events_of(logs))
            sent = calls_in_flight_ended(tweakwise)
            clock.move(75)
            assert calls_in_flight_ended(tweakwise) == sent
        wait_until(lambda: delivered(inbox, 6))
    assert len(tweakwise.events()) == 6
    assert "lease_lost" not in events_of(logs)


def test_commit_without_an_answer(inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outcome that was stored although the answer of its commit was lost is settled, once, and no lease is lost."""
    settle, failed = inbox.settle, list[int]()

    def unanswered(settlements: Sequence[Settlement]) -> list[bool]:
        written = settle(settlements)
        if len(failed) < 3:
            failed.append(len(settlements))
            raise StoreUnavailableError("the connection broke")
        return written

    monkeypatch.setattr(inbox, "settle", unanswered)
    store(inbox, 4)
    with capture_logs() as logs, working(inbox, tweakwise):
        wait_until(lambda: delivered(inbox, 4) and events_of(logs).count("delivery_settled") == 4)
    assert failed
    assert "lease_lost" not in events_of(logs)
    assert len(tweakwise.events()) == 4


@pytest.mark.engines("sqlite")
def test_no_call_begins_while_an_outcome_waits(
    inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the store does not fail but hangs; what had been claimed is sent afterwards."""
    monkeypatch.setattr(worker, "STORE_SLOW", 0.0)
    settle, hangs, asked, idle = inbox.settle, threading.Event(), threading.Event(), threading.Event()
    finished, early, late = Client.finished, list[Any](), list[Any]()

    def hanging(settlements: Sequence[Settlement]) -> list[bool]:
        asked.set()
        hangs.wait(WITHIN)
        return settle(settlements)

    def one_first(client: Client[Job], seconds: float) -> list[Any]:
        """Return one result, and the others when that is being settled."""
        if asked.is_set() and not client.in_flight and not late:  # the dispatcher found nothing that may begin
            idle.set()
        late.extend(finished(client, min(seconds, 0.05)))
        early.extend(given := late[:] if asked.is_set() else late[: 1 - len(early)])
        del late[: len(given)]
        return given

    monkeypatch.setattr(inbox, "settle", hanging)
    monkeypatch.setattr(Client, "finished", one_first)
    store(inbox, 8)
    with working(inbox, tweakwise):
        assert idle.wait(WITHIN)
        assert len(tweakwise.events()) < 2 * OPTIONS.threads  # as many were claimed
        hangs.set()
        wait_until(lambda: delivered(inbox, 8))
    assert len(tweakwise.events()) == 8


@pytest.mark.engines("sqlite")
def test_stop_during_an_outage_is_bounded(
    inbox: Inbox, tweakwise: LocalTweakwise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is stopped tries for seconds to settle what it knows, and reports how many it could not."""
    monkeypatch.setattr(worker, "STOP_TIMEOUT", 1.0)
    monkeypatch.setattr(worker, "STORE_SLOW", WITHIN)  # the second call begins although the first outcome waits
    settle, began = inbox.settle, threading.Event()

    def in_the_outage(settlements: Sequence[Settlement]) -> list[bool]:
        began.wait(WITHIN)
        return settle(settlements)

    monkeypatch.setattr(inbox, "settle", in_the_outage)
    store(inbox, 2)
    with capture_logs() as logs, ExitStack() as outage, working(inbox, tweakwise):
        wait_until(lambda: len(tweakwise.events()) == 2)
        outage.enter_context(Outage(inbox))
        began.set()
        wait_until(lambda: any(line.get("unsettled") == 2 for line in list(logs)))
    [stopped] = [line for line in logs if line["event"] == "worker_stopped"]
    assert stopped["unfinished"] == 2
