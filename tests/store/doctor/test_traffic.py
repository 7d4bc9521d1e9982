"""Checks of events, workers, circuit breakers and dead deliveries."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from tests.support.doctor import SHOPS, finding_of, findings_of, listening, saw
from webhook_app.config import settings
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.presence import WORKER, Presence
from webhook_app.time_units import DAY, now_ms

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.support.doctor import Examine


def test_listener_is_detected(inbox: Inbox) -> None:
    """A listener is detected while it listens and no longer."""
    assert inbox.wakeups.has_listener() is False
    with listening(inbox):
        assert inbox.wakeups.has_listener() is True
    assert inbox.wakeups.has_listener() is False


def test_pooler_hides_workers(on_postgres: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler hides who listens: a worker runs if it was seen of late."""
    monkeypatch.setenv("DATABASE_POOLER", "transaction")
    assert finding_of(on_postgres(), "workers")[0] == "warning"
    with closing(Inbox.configured(settings.load())) as inbox:
        Presence(inbox, WORKER).record()
    assert finding_of(on_postgres(), "workers")[0] == "ok"


@pytest.mark.parametrize(
    ("domain", "severity", "line"),
    [
        ("", "warning", 'domain = "a.example"'),
        ('domain = "a.example"', "warning", 'domain = ["a.example", "b.example"]'),
        ('domain = "c.example"', "error", 'domain = ["c.example", "a.example", "b.example"]'),
    ],
)
def test_several_addresses(  # noqa: PLR0913, PLR0917 - one table
    inbox: Inbox, examine: Examine, monkeypatch: pytest.MonkeyPatch, domain: str, severity: str, line: str
) -> None:
    """Two addresses of a shop are a warning with the line to write; a domain that fits none of them is an error."""
    monkeypatch.setenv("SHOPS", SHOPS + domain)
    saw(inbox, "a.example", ActivityKind.ADDRESS, 2)
    saw(inbox, "sample.example", ActivityKind.ADDRESS, 9)
    assert not domain or "c.ex" in domain or findings_of(examine(), "addresses") == []
    saw(inbox, "b.example", ActivityKind.ADDRESS, 1)
    [found] = [one for one in examine() if one["check"] == "addresses"]
    assert (found["severity"], found["advice"]) == (severity, f"Write into [shops.acme]: {line}")


def test_overdue_events_are_an_error(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """An event is due for minutes: no worker runs, or it cannot. A shop's open breaker is no such case."""
    clock.now = now_ms() - 300_000
    inbox.store(arrival())
    severity, text = finding_of(examine(), "workers")
    assert severity == "error"
    assert "acme" in text
    assert "no worker runs" in text
    open_breaker(inbox, "acme")
    assert finding_of(examine(), "workers")[0] == "warning"


def test_open_breaker_is_an_error(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """With its reason in words; that of another shop does not concern."""
    clock.now = now_ms()
    open_breaker(inbox, "globex")
    assert finding_of(examine("--shop=acme"), "breaker")[0] == "ok"
    open_breaker(inbox, "acme")
    severity, text = finding_of(examine("--shop=acme"), "breaker")
    assert severity == "error"
    assert "instance key was refused" in text


def test_events_and_dead_deliveries_are_reported(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """The age of the last event, the topics that never came, and the number of dead deliveries."""
    clock.now = now_ms() - 10 * 86400 * 1000
    inbox.store(arrival())
    saw(inbox, "orders/create")
    settle(inbox, claim_one(inbox), State.DEAD, reason="http_422")
    findings = examine()
    assert findings_of(findings, "events") == [
        ("warning", "The last event of acme was received 10 d ago (orders/create)."),
        ("info", "acme never sent orders/paid, orders/updated."),
    ]
    assert finding_of(findings, "dead") == (
        "error",
        "acme: 1 dead delivery: given up, and not sent to Tweakwise without a replay.",
    )


def test_dead_bodies_that_are_soon_wiped_are_a_warning(inbox: Inbox, examine: Examine, clock: Clock) -> None:
    """Those that cannot be replayed in two weeks, and no younger ones."""
    for days, texts in ((75, []), (77, ["1 dead delivery loses its body within 14 d"])):
        clock.now = now_ms() - days * DAY
        inbox.store(arrival(str(days)))
        settle(inbox, claim_one(inbox), State.DEAD, reason="http_422")
        found = [text for _, text in findings_of(examine(), "expiring") if "KEEP_DEAD" in text]
        assert [text.partition(" (")[0] for text in found] == texts
