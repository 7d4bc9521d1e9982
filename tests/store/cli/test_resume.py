"""`resume`: ends pauses, so that what waits is sent now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from webhook_app.inbox import State
from webhook_app.inbox.operations import audit_log
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

SHARED = Scope.tweakwise("https://navigator-analytics.tweakwise.com")
DAYS = 86_400_000  # milliseconds


def put(inbox: Inbox, throttle: ThrottleState) -> None:
    inbox.update_throttle(throttle.scope, lambda _before: (throttle, None))


@pytest.fixture(autouse=True)
def real_time(clock: Clock) -> None:
    """The command reads the real clock."""
    clock.now = now_ms()


@pytest.fixture
def paused(run: Run, inbox: Inbox) -> Inbox:
    """Two shops and the address that both use are paused, and a delivery of each waits for half an hour."""
    for shop in ("acme", "other"):
        inbox.store(arrival(shop, shop=shop))
        settle(inbox, claim_one(inbox), State.WAITING, reason="http_503", retry_in=1800.0)
        open_breaker(inbox, shop)
    put(inbox, ThrottleState(SHARED, 10, "http_503", 1, inbox.clock() + 100_000))
    return inbox


def due(inbox: Inbox) -> set[str]:
    """Return the shops with a delivery that may be claimed now."""
    return {queue.shop for queue in inbox.queues() if queue.due_at <= now_ms()}


def test_a_shop_with_its_address(run: Run, paused: Inbox) -> None:
    """The shop's own pause and that of its address end, its deliveries are due, and another shop's stay as they are."""
    result = run("resume", "--shop", "acme")
    assert result.exit_code == 0
    first, second, last = sorted(result.output.splitlines(), key=len, reverse=True)
    assert first.startswith("Ended: Tweakwise at https://navigator-analytics.tweakwise.com: paused until ")
    assert first.endswith(" It held the calls of acme.")
    assert second.startswith("Ended: shop acme: paused until ")
    assert last == "1 waiting delivery is due now."
    assert set(paused.throttles()) == {Scope.shop("other")}
    assert due(paused) == {"acme"}


def test_everything(run: Run, paused: Inbox) -> None:
    """Without --shop it resumes all shops, those that are not configured any more too."""
    result = run("resume", "--yes")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "2 waiting deliveries are due now.")
    assert paused.throttles() == {}
    assert due(paused) == {"acme", "other"}


def test_it_asks_before_everything(run: Run, paused: Inbox) -> None:
    """Without an answer nothing changes."""
    result = run("resume")
    assert result.exit_code == 1
    assert "shop acme, shop other" in result.output
    assert len(paused.throttles()) == 3
    assert not audit_log.newest(paused)


def test_an_audit_event_is_written(run: Run, paused: Inbox) -> None:
    """It names what was resumed, and that it was a command."""
    run("resume", "--shop", "acme")
    [event] = audit_log.newest(paused)
    assert (event.action, event.source) == ("resume", "command line")
    assert set(event.detail.split(", ")) == {"shop acme", f"Tweakwise at {SHARED.name}"}


@pytest.mark.engines("sqlite")
def test_nothing_to_resume(run: Run, inbox: Inbox) -> None:
    """It asks nothing and reports that."""
    result = run("resume")
    assert result.output == "Nothing was paused or slowed down.\n0 waiting deliveries are due now.\n"


@pytest.mark.engines("sqlite")
def test_unknown_shop(run: Run, inbox: Inbox) -> None:
    """The shops that are configured are named."""
    result = run("resume", "--shop", "globex")
    assert result.exit_code == 2
    assert "there are acme" in result.output


@pytest.mark.parametrize("next_at", [1_157_407 * DAYS, float("inf")])
def test_a_pause_of_an_earlier_version_heals(run: Run, inbox: Inbox, next_at: float) -> None:
    """A Retry-After of a million days is stored: the next call may begin, and status shows no pause."""
    stored = ThrottleState(Scope.shop("acme"), 0, "http_429", rate=10.0, rate_at=inbox.clock(), next_at=next_at)
    put(inbox, stored)
    [throttle] = inbox.throttles().values()
    assert throttle.next_at <= inbox.clock()
    assert "paused" not in run("status").output


def test_a_breaker_from_a_clock_that_was_ahead_heals(run: Run, inbox: Inbox) -> None:
    """It is half-open: one call decides."""
    put(inbox, ThrottleState(Scope.shop("acme"), 5, "http_503", 1, inbox.clock() + 3650 * DAYS))
    assert "The next call is a test." in " ".join(run("status").output.split())


def test_status_says_until_when(run: Run, inbox: Inbox) -> None:
    """A pause after a 429 has its end and its reason, and no rate that rises."""
    until = inbox.clock() + 240_000
    put(inbox, ThrottleState(Scope.shop("acme"), 0, "http_429", 1, until, rate=10.0, rate_at=until))
    output = " ".join(run("status").output.split())
    assert "acme: no events are sent, because Tweakwise answered 429, too many calls (http_429)." in output
    assert "Paused until " in output
    assert "doubles" not in output
