"""From webhook to call: gunicorn, a worker, a database and the sandbox, as real processes over HTTP."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support import processes
from tests.support.recordings import EVERY, RECEIVED_AT, Recorded, as_toml, shop_keys
from webhook_app.inbox import Inbox, Selection, State
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

REDACTIONS = [recorded for recorded in EVERY if "redaction" in recorded.expected]
# Deliveries whose signature has a timestamp are too old to be posted again.
TIMED = [one for one in EVERY if one.platform.signature.describe(one.headers).sent_at is not None]
# How often one of these counts depends on how fast they arrive.
BROWSING = [one for one in EVERY if one.expected.get("call", {}).get("event", "purchase") != "purchase"]
EVENTS = [one for one in EVERY if one not in [*REDACTIONS, *TIMED, *BROWSING]]
# The fixtures were recorded on a certain day; the limit grows with their age.
MAX_ORDER_AGE = timedelta(days=7) + (datetime.now(UTC) - RECEIVED_AT)
FINAL = {State.DELIVERED, State.IGNORED, State.DEAD}


@dataclass
class Shop:
    """A shop of this test: every fixture with its own shop settings has its own shop."""

    name: str
    instance_key: str
    table: dict[str, Any]


def shop_of(recorded: Recorded) -> Shop:
    platform = recorded.platform.name
    own = recorded.own_shop_keys
    number = EVERY.index(recorded) if own else 1000 + sorted({one.platform.name for one in EVERY}).index(platform)
    table = {**shop_keys(platform), **own, "instance_key": f"shop{number:04d}"}
    return Shop(f"{platform}-{number}", table["instance_key"], table)


SHOPS = {shop.name: shop for shop in map(shop_of, EVERY)}


def expected_calls() -> Counter[tuple[str, str]]:
    """Instance key and body of every purchase that must arrive, once per order."""
    calls: dict[tuple[str, str], str] = {}
    for recorded in EVENTS:
        if "call" in recorded.expected:
            call, key = recorded.expected["call"], shop_of(recorded).instance_key
            body = canonical(call["body"])
            assert calls.setdefault((key, call["key"]), body) == body, f"two fixtures disagree on {call['key']}"
    return Counter((instance_key, body) for (instance_key, _), body in calls.items())


def canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True)


class Receiver:
    """Web process, sandbox and inbox of one test, and the workers that it starts."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.log = folder / "web.log"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.port, self.sandbox_port = processes.free_port(), processes.free_port()
        self.sandbox = f"http://127.0.0.1:{self.sandbox_port}"
        self.database_url = database_url
        self.env = processes.environment(
            DATABASE_URL=self.database_url,
            SHOPS="".join(as_toml(shop.name, shop.table) for shop in SHOPS.values()),
            TWEAKWISE_URL=self.sandbox,
            PORT=str(self.port),
            MAX_ORDER_AGE=f"{int(MAX_ORDER_AGE.total_seconds())}s",
            KEEP_ROWS="36500d",
            LEASE="15s",
            RETRY_BASE="100ms",
            LOG_FORMAT="json",
            WEB_CONCURRENCY="1",
        )

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker and return once it handles signals."""
        log = self.log.with_name(f"worker-{len(self.workers)}.log")
        self.workers.append(processes.start("worker", env=self.env, log=log))
        processes.wait_for_text('"worker_started"', self.workers[-1], log)
        return self.workers[-1]

    def logged(self) -> str:
        """The logs of web process, sandbox and workers."""
        return "".join(log.read_text() for log in sorted(self.log.parent.glob("*.log")))

    def post(self, recorded: Recorded) -> requests.Response:
        path = f"webhooks/{recorded.platform.name}/{shop_of(recorded).name}"
        url = f"http://127.0.0.1:{self.port}/{path}"
        return requests.post(url, data=recorded.body, headers=recorded.sent_headers, timeout=processes.LONGEST)

    def post_all(self, fixtures: list[Recorded], seed: int) -> list[requests.Response]:
        shuffled = list(fixtures)
        random.Random(seed).shuffle(shuffled)
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(self.post, shuffled))

    def calls(self) -> Counter[tuple[str, str]]:
        events = requests.get(f"{self.sandbox}/events", timeout=processes.LONGEST).json()["events"]
        assert {event["event"] for event in events} == {"purchase"}
        return Counter((event["instance_key"], canonical(event["body"])) for event in events)

    def counts(self) -> dict[str, int]:
        with closing(Inbox(self.database_url)) as inbox:
            return stored_deliveries.counts(inbox)

    def wait_until_settled(self) -> Inbox:
        inbox, deadline = Inbox(self.database_url), time.monotonic() + processes.LONGEST
        while set(stored_deliveries.counts(inbox)) - FINAL and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not set(stored_deliveries.counts(inbox)) - FINAL, (
            stored_deliveries.counts(inbox),
            self.logged()[-3000:],
        )
        return inbox


@pytest.fixture
def receiver(tmp_path: Path, database_url: str) -> Iterator[Receiver]:
    """Web and sandbox under way on a migrated database, and no worker."""
    receiver = Receiver(tmp_path, database_url)
    processes.migrate(receiver.env)
    web_ready, sandbox_ready = f"http://127.0.0.1:{receiver.port}/readyz", f"{receiver.sandbox}/healthz"
    with (
        processes.running("sandbox", f"--port={receiver.sandbox_port}", env=receiver.env, log=receiver.log) as sandbox,
        processes.running("web", env=receiver.env, log=receiver.log, ready=web_ready),
    ):
        processes.wait_until_ready(sandbox_ready, sandbox, receiver.log)
        yield receiver
        for worker in receiver.workers:
            worker.kill()
            worker.wait()


def test_every_capture_twice_gives_exactly_the_expected_calls(receiver: Receiver) -> None:
    """Everything posted twice in any order: every purchase once, nothing else, and a reason for all the rest."""
    worker = receiver.start_worker()
    answers = receiver.post_all([*EVENTS, *EVENTS], seed=random.randrange(10**6))
    assert {answer.status_code for answer in answers} == {200}
    inbox = receiver.wait_until_settled()
    assert receiver.calls() == expected_calls()
    check_reasons(inbox)
    check_redactions(receiver, inbox)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(processes.LONGEST) == 0
    check_log(receiver)
    inbox.close()


def check_reasons(inbox: Inbox) -> None:
    """Every delivery has the state of its fixture, or names the one that counts its order."""
    by_identity = {(row.shop, row.identity): row for row in stored_deliveries.newest(inbox, 10_000)}
    for recorded in EVENTS:
        if recorded.expected.get("ping"):
            continue
        envelope = recorded.platform.verify(recorded.body, recorded.headers, recorded.shop.secrets)
        row = by_identity[shop_of(recorded).name, envelope.identity]
        found = (row.state, row.reason)
        match recorded.expected:
            case {"call": _}:
                assert found in [("delivered", ""), ("ignored", "already_counted")], recorded.name
            case {"ignored": reason}:
                assert found == ("ignored", reason), recorded.name
            case {"unreadable": _}:
                assert found == ("dead", "unreadable"), recorded.name
            case _:
                assert found == ("ignored", "data_request"), recorded.name


def check_redactions(receiver: Receiver, inbox: Inbox) -> None:
    """The redactions wipe the deliveries about their customer, and themselves."""
    stored = {row.id for row in stored_deliveries.newest(inbox, 10_000) if stored_deliveries.body(inbox, row.id)}
    assert {answer.status_code for answer in receiver.post_all(REDACTIONS, seed=1)} == {200}
    receiver.wait_until_settled().close()
    assert stored - {row.id for row in stored_deliveries.newest(inbox, 10_000) if stored_deliveries.body(inbox, row.id)}
    redactions = stored_deliveries.newest(inbox, 10, Selection(reason="redacted", topic="shop/redact"))
    assert [stored_deliveries.body(inbox, row.id) for row in redactions] == [None] * len(redactions)


def check_log(receiver: Receiver) -> None:
    """Every line is JSON, and none holds a secret or anything of a customer."""
    text = receiver.logged()
    assert all(json.loads(line) for line in text.splitlines())
    secrets = {secret for shop in SHOPS.values() for secret in shop.table["secrets"] if len(secret) > 1}
    found = [word for word in (*secrets, "fixture-salt", "example.test", "Hengelosestraat") if word in text]
    assert not found


def test_killed_workers_lose_nothing(receiver: Receiver) -> None:
    """Workers killed at random moments: every purchase arrives, and at most those in flight at a kill twice."""
    requests.post(f"{receiver.sandbox}/trouble", json={"delay_ms": 100}, timeout=processes.LONGEST).raise_for_status()
    answers = receiver.post_all(EVENTS, seed=7)
    assert {answer.status_code for answer in answers} == {200}
    in_flight = 0
    for _ in range(4):
        worker = receiver.start_worker()
        processes.wait_for(lambda: receiver.counts().get(State.DELIVERING, 0) > 0)
        time.sleep(random.uniform(0.0, 0.4))
        worker.kill()
        worker.wait()
        in_flight += receiver.counts().get(State.DELIVERING, 0)
    worker = receiver.start_worker()
    inbox = receiver.wait_until_settled()
    calls = receiver.calls()
    worker.terminate()
    assert worker.wait(processes.LONGEST) == 0
    assert not expected_calls() - calls
    assert set(calls) == set(expected_calls())
    twice = (calls - expected_calls()).total()
    assert twice <= in_flight, f"{twice} purchases were sent twice, {in_flight} were in flight at a kill"
    assert any(row.claims > 1 for row in stored_deliveries.newest(inbox, 10_000)), (
        "no worker was killed while it had anything"
    )
    check_reasons(inbox)
    inbox.close()
