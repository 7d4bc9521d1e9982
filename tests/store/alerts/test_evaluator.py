"""Alerts on a real inbox, told to a real receiver: each once, with its end, whoever looks and whatever fails."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.deliveries import CALL, arrival, claim_one, settle
from tests.support.recordings import EVERY, as_toml, shop_keys
from webhook_app.alerts import evaluator
from webhook_app.alerts.evaluator import AlertEvaluator
from webhook_app.alerts.notifier import AlertMessage, Notifier
from webhook_app.alerts.rules import Thresholds
from webhook_app.cli import main
from webhook_app.inbox import Inbox, State, activity, migrate
from webhook_app.inbox.activity import ActivityCount, ActivityKind
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Clock
    from tests.support.postgres import Server

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
LIMITS = Thresholds(older_than=900, silent_for=86_400, refusals=20)
SHOP = next(one for one in EVERY if one.name == "shopify/orders_create__note-attributes").shop
DAY = 86_400


class Somebody:
    """A receiver of messages, which answers with `status` and verifies with the official library."""

    def __init__(self) -> None:
        self.status, self.got, self.ids = 200, list[dict[str, Any]](), list[str]()
        self.headers: dict[str, str] = {}
        self.body, self.chokes_on = b"", b"what no message holds"
        somebody = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                somebody.body = self.rfile.read(int(self.headers["Content-Length"]))
                somebody.headers = {name.lower(): value for name, value in self.headers.items()}
                status = 400 if somebody.chokes_on in somebody.body else somebody.status
                if status == 200:
                    somebody.got.append(json.loads(somebody.body))
                    somebody.ids.append(somebody.headers.get("webhook-id", ""))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook/a-secret-of-the-url"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def verified(self) -> Any:
        return Webhook(SECRET).verify(self.body, self.headers)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one["type"], one["data"]["kind"]) for one in self.got]


@pytest.fixture
def somebody() -> Iterator[Somebody]:
    with closing(Somebody()) as somebody:
        yield somebody


def looking(inbox: Inbox, somebody: Somebody) -> AlertEvaluator:
    return AlertEvaluator(inbox, {"acme"}, LIMITS, Notifier(somebody.url, "json", SECRET, pause=lambda _: None))


@pytest.fixture
def watch(inbox: Inbox, somebody: Somebody, clock: Clock) -> Any:
    """Look once, a minute later."""
    each = looking(inbox, somebody)

    def look() -> list[tuple[str, str]]:
        clock.move(60)
        each.evaluate()
        return somebody.told

    return look


def test_oldest_event_is_told_once_and_its_end(inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock) -> None:
    """The message names shop, topic and delivery, is signed, and is not repeated; the end is told once too."""
    number = inbox.store(arrival()).id
    assert watch() == []
    clock.move(900)
    assert watch() == [("alert.began", "oldest")]
    said = somebody.verified()
    assert said["data"] == {
        "kind": "oldest",
        "shop": "acme",
        "topic": "orders/create",
        "sample": number,
        "since": clock.now,
    }
    assert said["text"] == (
        "acme: an event has been waiting for 17 minutes; 1 wait in all. For example delivery 1 (orders/create)."
    )
    assert watch() == [("alert.began", "oldest")]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    assert watch() == watch() == [("alert.began", "oldest"), ("alert.over", "oldest")]
    assert somebody.got[1]["text"].startswith("Over: acme: an event has been waiting")
    inbox.store(arrival("b"))
    clock.move(1000)
    assert watch()[2:] == [("alert.began", "oldest")]
    assert len(set(somebody.ids)) == 3


def test_dead_letters(inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock) -> None:
    """Deliveries that die are told, with the newest of them; an hour without another is the end of it."""
    for name in "ab":
        inbox.store(arrival(name))
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    assert watch() == [("alert.began", "dead")]
    assert (somebody.got[0]["data"]["sample"], "2 deliveries" in somebody.got[0]["text"]) == (2, True)
    clock.move(3600)
    assert watch() == [("alert.began", "dead"), ("alert.over", "dead")]


def test_breaker(inbox: Inbox, watch: Any, clock: Clock) -> None:
    """A breaker that stays open is told, with its end when it closes."""
    opened = ThrottleState(Scope.shop("acme"), open_until=clock.now, reason="http_401", pauses=1)
    inbox.update_throttle(Scope.shop("acme"), lambda _: (opened, None))
    assert watch() == [("alert.began", "breaker")]
    inbox.update_throttle(Scope.shop("acme"), lambda throttle: (ThrottleState(throttle.scope), None))
    assert watch() == [("alert.began", "breaker"), ("alert.over", "breaker")]


def note(inbox: Inbox, kind: ActivityKind, name: str, count: int, *when: int) -> None:
    """Let so many have been seen of a thing of acme at each of these times."""
    activity.record(inbox, [ActivityCount("acme", "shopify", kind, name, count, at, at) for at in when])


def test_signature_failures(inbox: Inbox, watch: Any, clock: Clock) -> None:
    """A spike is told; refusals of another kind, of another shop and those that are usual are not."""
    note(
        inbox, ActivityKind.REFUSAL, "signature_missing", 10, *(clock.now - hours * HOUR for hours in range(2, 7 * 24))
    )
    note(inbox, ActivityKind.REFUSAL, "signature_missing", 30, clock.now)
    note(inbox, ActivityKind.REFUSAL, "too_large", 500, clock.now)
    activity.record(
        inbox, [ActivityCount("gone", "shopify", ActivityKind.REFUSAL, "signature_mismatch", 99, clock.now, clock.now)]
    )
    assert watch() == []
    note(inbox, ActivityKind.REFUSAL, "signature_mismatch", 20, clock.now)
    assert watch() == [("alert.began", "signatures")]
    clock.move(3 * 3600)
    assert watch()[1:] == [("alert.over", "signatures")]


def test_silent_topic(inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock) -> None:
    """A topic that came each hour is missed after a day, named, and welcomed back."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, *(clock.now - hours * HOUR for hours in range(10 * 24)))
    note(inbox, ActivityKind.TOPIC, "orders/paid", 1, clock.now)
    clock.move(DAY - 120)
    assert watch() == []
    clock.move(120)
    assert watch() == [("alert.began", "silence")]
    assert somebody.got[0]["data"]["topic"] == "orders/create"
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, clock.now)
    assert watch()[1:] == [("alert.over", "silence")]


def test_accounting(inbox: Inbox, watch: Any, clock: Clock) -> None:
    """What is dead or unfinished of yesterday counts against what arrived."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 200, clock.now)
    inbox.store(arrival("a"))
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    clock.move(4 * 3600)
    assert watch() == [("alert.began", "accounting")]
    clock.move(DAY + HOUR / 1000)
    assert watch()[1:] == [("alert.over", "accounting")]


def test_one_process_at_a_time(inbox: Inbox, somebody: Somebody, clock: Clock) -> None:
    """Of several processes one looks in a minute, and none twice; a clock that was put back stops nobody."""
    inbox.store(arrival())
    clock.move(1000)
    for each in [looking(inbox, somebody) for _ in range(3)]:
        each.evaluate()
    assert somebody.told == [("alert.began", "oldest")]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    looking(inbox, somebody).evaluate()
    assert len(somebody.got) == 1
    clock.move(-DAY)
    looking(inbox, somebody).evaluate()
    assert len(somebody.got) == 2


@pytest.mark.parametrize("status", [500, 404, 429, 302])
def test_message_nobody_takes_is_told_later(
    status: int, inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock
) -> None:
    """Beginning and end wait until somebody takes them, each under one id; the log does not name the address."""
    inbox.store(arrival())
    clock.move(1000)
    somebody.status = status
    with capture_logs() as lines:
        assert watch() == []
    refused = somebody.headers["webhook-id"]
    assert [line["reason"] for line in lines] == [f"http_{status}"]
    assert "a-secret-of-the-url" not in str(lines)
    somebody.status = 200
    assert watch() == [("alert.began", "oldest")]
    assert somebody.ids == [refused]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    somebody.status = status
    watch()
    somebody.status = 200
    assert watch()[1:] == [("alert.over", "oldest")]


def test_what_nobody_heard_of_has_no_end(inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock) -> None:
    """An alert that could not be told and is over meanwhile is nobody's business any more."""
    inbox.store(arrival())
    clock.move(1000)
    somebody.status = 500
    watch()
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    somebody.status = 200
    assert watch() == watch() == []


def test_message_nobody_takes_holds_up_no_other(inbox: Inbox, somebody: Somebody, watch: Any, clock: Clock) -> None:
    """What a receiver chokes on comes last from then on."""
    somebody.chokes_on = b'"kind": "dead"'
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    inbox.store(arrival("b"))
    clock.move(1000)
    assert watch() == []
    assert watch() == watch() == [("alert.began", "oldest")]


def test_tries_again_at_once(somebody: Somebody) -> None:
    """A message is tried three times, with a pause, before it waits for the next look."""
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        somebody.status = 200 if len(paused) == 3 else 500

    assert Notifier(somebody.url, "json", SECRET, pause).send(AlertMessage("alert_1", "alert.test", "hello", {}))
    assert (paused, len(somebody.got)) == ([0.0, 1.0, 3.0], 1)


def test_address_that_does_not_answer() -> None:
    """An address where nobody listens fails the message and nothing else."""
    notifier = Notifier(f"http://127.0.0.1:{processes.free_port()}", "json", pause=lambda _: None)
    with capture_logs() as lines:
        assert not notifier.send(AlertMessage("alert_1", "alert.test", "hello", {}))
    assert lines[0]["reason"] == "ConnectionError"


def test_slack_gets_text_alone(somebody: Somebody) -> None:
    """Slack takes an object with a text and nothing else."""
    assert Notifier(somebody.url, "slack").send(AlertMessage("alert_1", "alert.test", "hello", {"a": 1}))
    assert somebody.got == [{"text": "hello"}]
    assert "webhook-signature" not in somebody.headers


def test_database_away_hurts_nobody(postgres: Server, somebody: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that looks lives on while the database is away, and tells what it finds when it is back."""
    monkeypatch.setattr(evaluator, "EVALUATE_EVERY", 0.05)
    monkeypatch.setattr(evaluator, "LEASE", 0.01)
    with postgres.database() as address, closing(Inbox(address)) as inbox:
        migrate.upgrade(inbox.database)
        inbox.store(arrival(received_at=inbox.clock() - 1_000_000))
        each = looking(inbox, somebody)
        with postgres.stopped():
            each.start()
            threading.Event().wait(0.3)
            assert somebody.got == []
        processes.wait_for(lambda: somebody.told == [("alert.began", "oldest")])
        each.close()
        threading.Event().wait(0.2)


# The command


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, somebody: Somebody) -> pytest.MonkeyPatch:
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    for name, value in {
        "SHOPS": as_toml("acme", shop_keys("shopify")),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'inbox.db'}",
        "ALERT_URL": somebody.url,
        "ALERT_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_command_posts_a_test(environment: pytest.MonkeyPatch, somebody: Somebody) -> None:
    """`alert --test` sends a signed message that says it is a test."""
    result = CliRunner().invoke(main, ["alert", "--test"])
    assert (result.exit_code, result.output) == (0, "Somebody took the message.\n")
    assert somebody.verified()["type"] == "alert.test"


def test_command_without_anybody_to_tell(environment: pytest.MonkeyPatch) -> None:
    """Without ALERT_URL the test says so."""
    environment.delenv("ALERT_URL")
    result = CliRunner().invoke(main, ["alert", "--test"])
    assert (result.exit_code, "ALERT_URL is not set" in result.output) == (1, True)


def test_command_tells_what_would_be_an_alert(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`alert` names what is wrong and ends with 1, or says that nothing is."""
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        migrate.upgrade(inbox.database)
        result = CliRunner().invoke(main, ["alert"])
        assert (result.exit_code, result.output) == (0, "Nothing is worth an alert.\n")
        inbox.store(arrival(received_at=inbox.clock() - 1_000_000))
    result = CliRunner().invoke(main, ["alert"])
    assert result.exit_code == 1
    assert "an event has been waiting for 16 minutes; 1 wait in all. For example delivery 1." in result.output
