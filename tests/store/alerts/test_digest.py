"""The digest of each day or week, and the heartbeat."""

from __future__ import annotations

from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support import processes
from tests.support.deliveries import CALL, arrival, claim, settle
from tests.support.health import health_of
from webhook_app.alerts import digest, heartbeat
from webhook_app.alerts.evaluator import AlertEvaluator, Regularly
from webhook_app.alerts.recipients import Recipient
from webhook_app.inbox import State
from webhook_app.inbox.presence import WORKER, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Clock
    from webhook_app.alerts.messages import AlertMessage
    from webhook_app.inbox import Inbox

NAMES = ("acme", "b", "quiet")


class Sender:
    """Notes messages; refuses as many as `refusals`."""

    def __init__(self) -> None:
        self.got: list[AlertMessage] = []
        self.refusals = 0

    def send(self, message: AlertMessage, proceed: Callable[[], bool] = lambda: True) -> bool:
        assert proceed()
        if message.type != "alert.digest":
            return True
        self.refusals -= 1
        if self.refusals >= 0:
            return False
        self.got.append(message)
        return True


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("every", "now", "first", "last", "due"),
    [
        ("daily", "2026-11-26T06:00", "2026-11-25", "2026-11-25", "2026-11-26T06:00"),
        ("daily", "2026-11-26T05:59", "2026-11-24", "2026-11-24", "2026-11-25T06:00"),
        ("weekly", "2026-11-26T12:00", "2026-11-16", "2026-11-22", "2026-11-23T06:00"),
        ("weekly", "2026-11-23T05:59", "2026-11-09", "2026-11-15", "2026-11-16T06:00"),
        ("weekly", "2026-11-23T06:00", "2026-11-16", "2026-11-22", "2026-11-23T06:00"),
    ],
)
def test_periods(every: digest.Every, now: str, first: str, last: str, due: str) -> None:
    """A day is due at six in the morning after it, a week on Monday."""
    found = digest.period(every, at(now))
    assert (str(found.days[0]), str(found.days[-1]), found.due_at) == (first, last, at(due))


def test_digest_is_sent_once_to_each(inbox: Inbox, clock: Clock) -> None:
    """A day's webhooks by shop, the worst first; again where it was not accepted; a shop's own address gets its own."""
    everyone, own = Sender(), Sender()
    known = [Recipient("", "", everyone), Recipient("b 1", "b", own)]
    each = AlertEvaluator(inbox, health_of(inbox, *NAMES), known, Regularly(digest="daily", shops=NAMES))
    clock.now = at("2026-11-24T12:00")
    each.evaluate()
    for shop in ("acme", "b", "b", "not-configured"):
        inbox.store(arrival(f"{shop} {clock.now}", shop=shop))
        clock.move(1)
    for delivery in claim(inbox, 2):
        dead = delivery.shop == "b" and delivery.id == 3
        settle(inbox, delivery, State.DEAD if dead else State.DELIVERED, reason="http_400" if dead else "", call=CALL)
    clock.now = at("2026-11-25T05:00")
    each.evaluate()
    assert everyone.got == own.got == []
    everyone.refusals = 1
    clock.now = at("2026-11-25T07:00")
    for _ in range(3):
        each.evaluate()
        clock.move(70)
    [message], [of_b] = everyone.got, own.got
    assert message.text.splitlines() == [
        "Daily digest of webhooks, 2026-11-24 (UTC).",
        "3 shops: 3 received: 2 delivered, 0 ignored, 0 waiting, 1 dead; 66.67 % delivered or ignored.",
        "b: 2 received: 1 delivered, 0 ignored, 0 waiting, 1 dead; 50.00 % delivered or ignored.",
        "acme: 1 received: 1 delivered, 0 ignored, 0 waiting, 0 dead; 100 % delivered or ignored.",
        "quiet: no webhooks.",
    ]
    assert message.data["shops"]["b"] == {"received": 2, "delivered": 1, "ignored": 0, "waiting": 0, "dead": 1}
    assert of_b.text.splitlines()[1:] == [
        "b: 2 received: 1 delivered, 0 ignored, 0 waiting, 1 dead; 50.00 % delivered or ignored."
    ]
    assert [*of_b.data["shops"]] == ["b"]


# Heartbeat


@pytest.fixture
def monitor() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and the requests that it got."""
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            got.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/ping/a-secret", got
        server.shutdown()


def test_heartbeat_while_a_worker_runs(inbox: Inbox, clock: Clock, monitor: tuple[str, list[str]]) -> None:
    """Once a minute, as long as the inbox can be written and a worker was seen in the last five minutes."""
    url, got = monitor
    each = AlertEvaluator(inbox, health_of(inbox), [], Regularly(heartbeat_url=url))
    each.evaluate()
    assert got == []
    Presence(inbox, WORKER).record()
    for _ in range(3):
        clock.move(60)
        each.evaluate()
    assert got == ["/ping/a-secret"] * 3
    clock.move(300)
    with capture_logs() as lines:
        each.evaluate()
    assert (len(got), [line["event"] for line in lines]) == (3, ["heartbeat_withheld"])


def test_heartbeat_that_fails_is_logged(inbox: Inbox) -> None:
    """Without the address, which may hold a secret."""
    Presence(inbox, WORKER).record()
    with capture_logs() as lines:
        heartbeat.send(inbox, f"http://127.0.0.1:{processes.free_port()}/a-secret")
    assert [line["event"] for line in lines] == ["heartbeat_failed"]
    assert (lines[0]["host"], "refused" in lines[0]["reason"]) == ("127.0.0.1", True)
