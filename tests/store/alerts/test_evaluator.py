"""Alerts on a real inbox, sent to a real receiver: each once, with its end, and whatever fails."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.deliveries import CALL, arrival, claim, claim_one, settle
from tests.support.health import health_of
from tests.support.recordings import as_toml, shop_keys
from webhook_app.alerts import evaluator
from webhook_app.alerts.evaluator import AlertEvaluator
from webhook_app.alerts.messages import AlertMessage
from webhook_app.alerts.notifier import Notifier
from webhook_app.alerts.recipients import Recipient
from webhook_app.cli import main
from webhook_app.inbox import Inbox, State, migrate
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.operations import active_alerts, operator_actions
from webhook_app.inbox.operations.active_alerts import ActiveAlert
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Clock
    from tests.support.postgres import Server

SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes of key").decode()
DAY = 86_400


class MessageReceiver:
    """Receives messages, answers with `status`, and verifies signatures with the official library."""

    def __init__(self) -> None:
        self.status, self.got, self.ids = 200, list[dict[str, Any]](), list[str]()
        self.headers: dict[str, str] = {}
        self.body, self.refuses = b"", b"what no message holds"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.headers = {name.lower(): value for name, value in self.headers.items()}
                status = 400 if receiver.refuses in receiver.body else receiver.status
                if status == 200:
                    receiver.got.append(json.loads(receiver.body))
                    receiver.ids.append(receiver.headers.get("webhook-id", ""))
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
    def sent(self) -> list[tuple[str, str]]:
        return [(one["type"], one["data"]["kind"]) for one in self.got]


@pytest.fixture
def receiver() -> Iterator[MessageReceiver]:
    """A server that notes the messages it gets."""
    with closing(MessageReceiver()) as receiver:
        yield receiver


def evaluator_for(inbox: Inbox, receiver: MessageReceiver) -> AlertEvaluator:
    sender = Notifier(receiver.url, "json", SECRET, pause=lambda _: None)
    return AlertEvaluator(inbox, health_of(inbox), [Recipient("", "", sender)])


@pytest.fixture
def evaluate_later(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> Any:
    """Evaluate once, a minute later."""
    each = evaluator_for(inbox, receiver)

    def evaluate() -> list[tuple[str, str]]:
        clock.move(60)
        each.evaluate()
        return receiver.sent

    return evaluate


def test_oldest_event_is_sent_once_with_its_end(
    inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock
) -> None:
    """The message names shop, topic and delivery, is signed, and is not repeated; the end is sent once too."""
    number = inbox.store(arrival()).id
    assert evaluate_later() == []
    clock.move(900)
    assert evaluate_later() == [("alert.began", "oldest")]
    message = receiver.verified()
    assert message["data"] == {
        "kind": "oldest",
        "shop": "acme",
        "topic": "orders/create",
        "sample": number,
        "since": clock.now,
    }
    assert message["text"] == (
        "acme: an event has been waiting for 17 min; 1 event is waiting in all. For example delivery 1 (orders/create)."
    )
    assert evaluate_later() == [("alert.began", "oldest")]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    assert evaluate_later() == evaluate_later() == [("alert.began", "oldest"), ("alert.over", "oldest")]
    assert receiver.got[1]["text"].startswith("Resolved: acme: an event has been waiting")
    inbox.store(arrival("b"))
    clock.move(1000)
    assert evaluate_later()[2:] == [("alert.began", "oldest")]
    assert len(set(receiver.ids)) == 3


def test_dead_letters(inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock) -> None:
    """Dead deliveries are an alert, with the newest of them; it ends after an hour without another."""
    for name in "ab":
        inbox.store(arrival(name))
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    assert evaluate_later() == [("alert.began", "dead")]
    assert (receiver.got[0]["data"]["sample"], "2 deliveries" in receiver.got[0]["text"]) == (2, True)
    clock.move(3600)
    assert evaluate_later() == [("alert.began", "dead"), ("alert.over", "dead")]


def test_breaker(inbox: Inbox, evaluate_later: Any, clock: Clock) -> None:
    """A breaker that stays open is an alert, which ends when it closes."""
    opened = ThrottleState(Scope.shop("acme"), open_until=clock.now, reason="http_401", pauses=1)
    inbox.update_throttle(Scope.shop("acme"), lambda _: (opened, None))
    assert evaluate_later() == [("alert.began", "breaker")]
    inbox.update_throttle(Scope.shop("acme"), lambda throttle: (ThrottleState(throttle.scope), None))
    assert evaluate_later() == [("alert.began", "breaker"), ("alert.over", "breaker")]


def note(inbox: Inbox, kind: ActivityKind, name: str, count: int, *when: int) -> None:
    """Record so many of a kind for acme at each of these times."""
    activity.record(inbox, [ActivityCount("acme", "shopify", kind, name, count, at, at) for at in when])


def test_signature_failures(inbox: Inbox, evaluate_later: Any, clock: Clock) -> None:
    """A spike is an alert; refusals of another kind, of another shop and usual ones are not."""
    note(
        inbox, ActivityKind.REFUSAL, "signature_missing", 10, *(clock.now - hours * HOUR for hours in range(2, 7 * 24))
    )
    note(inbox, ActivityKind.REFUSAL, "signature_missing", 30, clock.now)
    note(inbox, ActivityKind.REFUSAL, "too_large", 500, clock.now)
    activity.record(
        inbox, [ActivityCount("gone", "shopify", ActivityKind.REFUSAL, "signature_mismatch", 99, clock.now, clock.now)]
    )
    assert evaluate_later() == []
    note(inbox, ActivityKind.REFUSAL, "signature_mismatch", 20, clock.now)
    assert evaluate_later() == [("alert.began", "signatures")]
    clock.move(3 * 3600)
    assert evaluate_later()[1:] == [("alert.over", "signatures")]


def test_silent_topic(inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock) -> None:
    """A topic that came each hour is an alert after a day of silence, until it comes again."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, *(clock.now - hours * HOUR for hours in range(10 * 24)))
    note(inbox, ActivityKind.TOPIC, "orders/paid", 1, clock.now)
    clock.move(DAY - 120)
    assert evaluate_later() == []
    clock.move(120)
    assert evaluate_later() == [("alert.began", "silence")]
    assert receiver.got[0]["data"]["topic"] == "orders/create"
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, clock.now)
    assert evaluate_later()[1:] == [("alert.over", "silence")]


def test_accounting(inbox: Inbox, evaluate_later: Any, clock: Clock) -> None:
    """Dead and unfinished deliveries of yesterday are compared with all that were received."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 200, clock.now)
    inbox.store(arrival("a"))
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    clock.move(4 * 3600)
    assert evaluate_later() == [("alert.began", "accounting")]
    clock.move(DAY + HOUR / 1000)
    assert evaluate_later()[1:] == [("alert.over", "accounting")]


def test_replay_of_old_events_is_no_alarm(inbox: Inbox, evaluate_later: Any, clock: Clock) -> None:
    """Neither by their age nor as unaccounted for; both count from the replay, and a stuck replay is one."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 200, clock.now)
    for name in "abc":
        inbox.store(arrival(name))
        settle(inbox, claim_one(inbox), State.IGNORED, reason="pending")
    clock.move(4 * 3600)
    operator_actions.replay(inbox, [1, 2, 3])
    assert evaluate_later() == []
    clock.move(3600)
    assert evaluate_later() == [("alert.began", "accounting"), ("alert.began", "oldest")]


def test_silence_is_noticed_after_a_clock_was_ahead(inbox: Inbox, evaluate_later: Any, clock: Clock) -> None:
    """A topic that was last seen in the future is as silent as its last hour in the past shows."""
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, *(clock.now - hours * HOUR for hours in range(10 * 24)))
    note(inbox, ActivityKind.TOPIC, "orders/create", 1, clock.now + 10**11)
    assert evaluate_later() == []
    clock.move(DAY + 3600)
    assert evaluate_later() == [("alert.began", "silence")]


def test_only_the_same_alert_is_marked_and_ended(inbox: Inbox, clock: Clock) -> None:
    """A slow process does not mark or end an alert of the same name that began since."""
    old = ActiveAlert("dead acme", "dead", "acme", "", None, "Given up.", clock.now)
    new = replace(old, since=clock.now + 1)
    active_alerts.begin(inbox, [new])
    active_alerts.mark_notified(inbox, [old])
    active_alerts.end(inbox, [old])
    assert active_alerts.known(inbox) == {new.name: new}


def test_one_process_at_a_time(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> None:
    """One of several processes evaluates in a minute; a clock that was put back does not stop them."""
    inbox.store(arrival())
    clock.move(1000)
    for each in [evaluator_for(inbox, receiver) for _ in range(3)]:
        each.evaluate()
    assert receiver.sent == [("alert.began", "oldest")]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    evaluator_for(inbox, receiver).evaluate()
    assert len(receiver.got) == 1
    clock.move(-DAY)
    evaluator_for(inbox, receiver).evaluate()
    assert len(receiver.got) == 2


def test_slow_messages_are_sent_once(
    inbox: Inbox, receiver: MessageReceiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While messages take longer in all than the lease, which is extended for each, no other process sends them too."""
    monkeypatch.setattr(evaluator, "LEASE", 10.0)
    inbox.store(arrival(shop="acme"))
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    for shop in ("acme", "b"):
        inbox.store(arrival("2", shop=shop))
    clock.move(1000)
    other = AlertEvaluator(inbox, health_of(inbox, "acme", "b"), [Recipient("", "", Notifier(receiver.url, "json"))])
    starts: list[int] = []

    class Slow(Notifier):
        def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
            starts.append(clock.now)
            assert proceed()
            clock.move(8)
            other.evaluate()
            return super().send(message, proceed)

    slow = Recipient("", "", Slow(receiver.url, "json", pause=lambda _: None))
    AlertEvaluator(inbox, health_of(inbox, "acme", "b"), [slow]).evaluate()
    assert (len(starts), len(receiver.got)) == (3, 3)


def test_lost_lease_ends_the_evaluation(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> None:
    """A process that was suspended for longer than its lease sends nothing when it goes on."""
    inbox.store(arrival())
    clock.move(1000)
    other = evaluator_for(inbox, receiver)

    class Suspended(Notifier):
        def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
            clock.move(60)
            other.evaluate()
            return super().send(message, proceed)

    AlertEvaluator(inbox, health_of(inbox), [Recipient("", "", Suspended(receiver.url, "json"))]).evaluate()
    assert receiver.sent == [("alert.began", "oldest")]


def test_one_cause_of_many_shops_is_one_message(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> None:
    """The beginning of fifty shops is one message, and so is the end; a shop's own address gets only its own."""
    names = [f"shop{number:02d}" for number in range(50)]
    for name in names:
        inbox.store(arrival(name, shop=name))
    own = MessageReceiver()
    known = [
        Recipient("", "", Notifier(receiver.url, "json", pause=lambda _: None)),
        Recipient("shop07 1", "shop07", Notifier(own.url, "json", pause=lambda _: None)),
    ]
    each = AlertEvaluator(inbox, health_of(inbox, *names), known)
    clock.move(1000)
    each.evaluate()
    clock.move(60)
    each.evaluate()
    [message] = receiver.got
    assert message["text"].startswith("50 shops: an event has been waiting for over 15 min (shop00, shop01, ")
    assert "shop09 and 40 more). For example delivery" in message["text"]
    assert (message["data"]["shops"], message["data"]["shop"]) == (names, "")
    for delivery in claim(inbox):
        if delivery.shop != "shop49":
            settle(inbox, delivery, State.DELIVERED, call=CALL)
    clock.move(60)
    each.evaluate()
    assert receiver.sent == [("alert.began", "oldest"), ("alert.over", "oldest")]
    assert receiver.got[1]["text"].startswith("Resolved: 49 shops: ")
    assert receiver.got[1]["text"].endswith(" It remains in one other shop.")
    assert own.sent == [("alert.began", "oldest"), ("alert.over", "oldest")]
    assert all("shop07" in one["text"] and "shop08" not in one["text"] for one in own.got)
    own.close()


def test_unreachable_recipient_does_not_block_another(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> None:
    """Each address gets its messages once, whatever becomes of those to another."""
    nothing = Notifier(f"http://127.0.0.1:{processes.free_port()}", "json", pause=lambda _: None)
    there = Notifier(receiver.url, "json", pause=lambda _: None)
    each = AlertEvaluator(inbox, health_of(inbox), [Recipient("", "", nothing), Recipient("b", "", there)])
    inbox.store(arrival())
    clock.move(1000)
    for _ in range(3):
        each.evaluate()
        clock.move(60)
    assert receiver.sent == [("alert.began", "oldest")]


def test_removed_recipient_leaves_nothing(inbox: Inbox, receiver: MessageReceiver, clock: Clock) -> None:
    """What was for an address that is no longer configured ends without a message."""
    inbox.store(arrival())
    clock.move(1000)
    sender = Notifier(receiver.url, "json", pause=lambda _: None)
    AlertEvaluator(inbox, health_of(inbox), [Recipient("", "", sender), Recipient("b", "", sender)]).evaluate()
    assert len(active_alerts.known(inbox)) == 2
    clock.move(60)
    AlertEvaluator(inbox, health_of(inbox), [Recipient("", "", sender)]).evaluate()
    assert (len(active_alerts.known(inbox)), len(receiver.got)) == (1, 2)


@pytest.mark.parametrize("status", [500, 404, 429, 302])
def test_undelivered_message_is_sent_later(
    status: int, inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock
) -> None:
    """Beginning and end wait until they are accepted, each with one id; the log does not name the address."""
    inbox.store(arrival())
    clock.move(1000)
    receiver.status = status
    with capture_logs() as lines:
        assert evaluate_later() == []
    refused = receiver.headers["webhook-id"]
    assert [line["reason"] for line in lines] == [f"http_{status}"]
    assert "a-secret-of-the-url" not in str(lines)
    receiver.status = 200
    assert evaluate_later() == [("alert.began", "oldest")]
    assert receiver.ids == [refused]
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    receiver.status = status
    evaluate_later()
    receiver.status = 200
    assert evaluate_later()[1:] == [("alert.over", "oldest")]


def test_no_end_without_a_delivered_beginning(
    inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock
) -> None:
    """An alert that ended before its message could be delivered is not sent at all."""
    inbox.store(arrival())
    clock.move(1000)
    receiver.status = 500
    evaluate_later()
    settle(inbox, claim_one(inbox), State.DELIVERED, call=CALL)
    receiver.status = 200
    assert evaluate_later() == evaluate_later() == []


def test_undelivered_message_does_not_block_others(
    inbox: Inbox, receiver: MessageReceiver, evaluate_later: Any, clock: Clock
) -> None:
    """A message that the receiver refuses is the last one from then on."""
    receiver.refuses = b'"kind": "dead"'
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_400")
    inbox.store(arrival("b"))
    clock.move(1000)
    assert evaluate_later() == []
    assert evaluate_later() == evaluate_later() == [("alert.began", "oldest")]


def test_message_is_tried_three_times(receiver: MessageReceiver) -> None:
    """A message is tried three times, with pauses, before it waits for the next evaluation."""
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        receiver.status = 200 if len(paused) == 3 else 500

    assert Notifier(receiver.url, "json", SECRET, pause).send(AlertMessage("alert_1", "alert.test", "hello", {}))
    assert (paused, len(receiver.got)) == ([0.0, 1.0, 3.0], 1)


def test_address_that_does_not_answer() -> None:
    """An address without a server fails the message and nothing else."""
    notifier = Notifier(f"http://127.0.0.1:{processes.free_port()}", "json", pause=lambda _: None)
    with capture_logs() as lines:
        assert not notifier.send(AlertMessage("alert_1", "alert.test", "hello", {}))
    assert lines[0]["reason"] == "no connection could be made (Connection refused)"
    assert lines[0]["host"] == "127.0.0.1"


def test_slack_gets_no_markup(receiver: MessageReceiver) -> None:
    """A topic, which a sender chooses, makes no link and mentions no channel."""
    text = "acme: no <!channel> & <http://evil.example|orders>"
    assert Notifier(receiver.url, "slack").send(AlertMessage("alert_1", "alert.test", text, {}))
    assert receiver.got == [{"text": "acme: no &lt;!channel&gt; &amp; &lt;http://evil.example|orders&gt;"}]


def test_slack_gets_only_a_text(receiver: MessageReceiver) -> None:
    """Slack accepts an object with a text and nothing else."""
    assert Notifier(receiver.url, "slack").send(AlertMessage("alert_1", "alert.test", "hello", {"a": 1}))
    assert receiver.got == [{"text": "hello"}]
    assert "webhook-signature" not in receiver.headers


def test_unavailable_database_does_not_stop_the_thread(
    postgres: Server, receiver: MessageReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread survives an outage of the database, and sends alerts once it is back."""
    monkeypatch.setattr(evaluator, "EVALUATE_EVERY", 0.05)
    monkeypatch.setattr(evaluator, "LEASE", 0.01)
    with postgres.migrated() as address, closing(Inbox(address)) as inbox:
        inbox.store(arrival(received_at=inbox.clock() - 1_000_000))
        each = evaluator_for(inbox, receiver)
        with postgres.stopped():
            each.start()
            threading.Event().wait(0.3)
            assert receiver.got == []
        processes.wait_for(lambda: receiver.sent == [("alert.began", "oldest")])
        each.close()
        threading.Event().wait(0.2)


# The command


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, receiver: MessageReceiver) -> pytest.MonkeyPatch:
    """The settings of a receiver with one shop that sends alerts."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    for name, value in {
        "SHOPS": as_toml("acme", shop_keys("shopify")),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'inbox.db'}",
        "ALERT_URL": receiver.url,
        "ALERT_SECRET": SECRET,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_command_posts_a_test(environment: pytest.MonkeyPatch, receiver: MessageReceiver) -> None:
    """`alert --test` sends a signed test message."""
    result = CliRunner().invoke(main, ["alert", "--test"])
    assert (result.exit_code, result.output) == (0, "Test message accepted.\n")
    assert receiver.verified()["type"] == "alert.test"


def test_command_without_an_alert_url(environment: pytest.MonkeyPatch) -> None:
    """Without ALERT_URL the test fails with a message."""
    environment.delenv("ALERT_URL")
    result = CliRunner().invoke(main, ["alert", "--test"])
    assert (result.exit_code, "ALERT_URL is not set" in result.output) == (1, True)


def test_command_lists_problems(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`alert` lists problems with exit code 1, or reports that there are none."""
    with closing(Inbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        migrate.upgrade(inbox.database)
        result = CliRunner().invoke(main, ["alert"])
        assert (result.exit_code, result.output) == (0, "No alerts.\n")
        inbox.store(arrival(received_at=inbox.clock() - 1_000_000))
    result = CliRunner().invoke(main, ["alert"])
    assert result.exit_code == 1
    assert "waiting for 16 min 40 s; 1 event is waiting in all. For example delivery 1." in result.output
