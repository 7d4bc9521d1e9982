"""What a comparison finds is reported once with its end, however soon it was corrected, and whatever ended it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import woocommerce_api as api
from tests.support.health import measured
from tests.support.sources import FAST, HOUR, PLAN, order, platform_at, shop_at
from webhook_app.errors import StoreUnavailableError
from webhook_app.health.checks import ALL
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.shop_records import reconciliations
from webhook_app.platforms import all_platforms
from webhook_app.sources.reconcile import Plan, Reconciler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock
    from tests.support.api_server import Override, Request
    from webhook_app.health.finding import Finding
    from webhook_app.inbox import Inbox

MINUTELY = Plan(60, 60, PLAN.ages)
REFUSES = api.error("woocommerce_rest_cannot_view", 401)
AWAY: Override = (503, {}, b"")
CHECKS = [one for one in ALL if one.name in {"orders_missing", "webhook_disabled", "platform_refuses_us"}]


@dataclass
class Minutes:
    """Comparisons that are due every minute, and the alerts that an evaluation after each of them begins and ends."""

    inbox: Inbox
    clock: Clock
    shop: api.Shop
    reconciler: Reconciler
    active: dict[str, Finding] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def compare(self, times: int = 1) -> None:
        """Compare now, whether it is due or not."""
        for _ in range(times):
            with suppress(StoreUnavailableError):
                self.reconciler.once(only="acme")

    def evaluate(self) -> None:
        """Evaluate the alert rules."""
        states = reconciliations.states(self.inbox).values()
        figures = replace(measured(reconciliations=list(states)), now=self.clock.now)
        found = {one.name: one for check in CHECKS for one in check.find(figures) if one.is_alert}
        self.messages += [f"began {one.text}" for name, one in found.items() if name not in self.active]
        self.messages += [f"over {name}" for name in self.active if name not in found]
        self.active = found

    def go_by(self, minutes: int) -> None:
        """Let minutes go by, each with a comparison and then an evaluation."""
        for _ in range(minutes):
            self.clock.move(60)
            self.shop.now = self.clock.now / 1000
            self.compare()
            self.evaluate()

    def assert_reported_once(self, *names: str) -> None:
        assert sorted(one for one in self.messages if one.startswith("over ")) == sorted(f"over {n}" for n in names)
        assert len(self.messages) == 2 * len(names), self.messages


@pytest.fixture
def minutes(inbox: Inbox, clock: Clock) -> Iterator[Minutes]:
    """A shop with 120 orders that no webhook reported, and a webhook that is active."""
    hooks = {1: hook(1, "active")}
    shop = api.Shop(orders={number: order(number, clock.now - HOUR) for number in range(1, 121)}, webhooks=hooks)
    with platform_at(clock, shop) as url:
        known = {"acme": shop_at(url, repair_webhooks=True)}
        yield Minutes(inbox, clock, shop, Reconciler(inbox, lambda: known, all_platforms(), MINUTELY, FAST))


def hook(number: int, status: str) -> dict[str, Any]:
    url = "https://r.example/webhooks/woocommerce/acme"
    return {"id": number, "topic": f"order.{'created' if number == 1 else 'updated'}", "delivery_url": url} | {
        "status": status
    }


def refusing(path: str, answer: Override, after: int = 0) -> Any:
    """Give an answer in place of what is asked for at a path, after so many requests to it."""
    asked: list[Request] = []

    def before(request: Request) -> Override | None:
        if not request.path.endswith(path):
            return None
        asked.append(request)
        return answer if len(asked) > after else None

    return before


def test_orders_that_were_fetched_at_once(minutes: Minutes) -> None:
    """They are missing for seconds, and two further comparisons come before the next evaluation."""
    minutes.compare(3)
    minutes.evaluate()
    minutes.go_by(4)
    assert "120 orders" in minutes.messages[0]
    minutes.assert_reported_once("orders_missing acme")


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("answer", [REFUSES, AWAY], ids=["refused", "away"])
def test_orders_that_were_fetched_by_a_comparison_that_failed(minutes: Minutes, answer: Override) -> None:
    """The next one does not find them any more; what it finds besides counts with them."""
    minutes.shop.before = refusing("/orders", answer, after=2)
    minutes.compare()
    [failed] = reconciliations.recent(minutes.inbox)
    assert 0 < failed.missing == failed.filled < 120
    assert failed.error
    minutes.shop.before = lambda _: None
    minutes.compare(2)
    minutes.evaluate()
    minutes.go_by(4)
    assert "120 orders" in minutes.messages[0]
    minutes.assert_reported_once("orders_missing acme")


def test_orders_that_were_fetched_before_the_process_was_killed(minutes: Minutes) -> None:
    """It stored no result, and its orders are counted with those of the next comparison."""

    class KilledError(BaseException):
        """The process is killed here."""

    def killed() -> bool:
        raise KilledError

    with pytest.raises(KilledError):
        minutes.reconciler.once(killed, only="acme")
    minutes.evaluate()
    assert minutes.messages == []  # not yet: a message names all that are missing
    minutes.clock.move(300)  # its lease ends
    minutes.compare()
    minutes.evaluate()
    minutes.go_by(4)
    assert "120 orders" in minutes.messages[0]
    minutes.assert_reported_once("orders_missing acme")
    assert reconciliations.states(minutes.inbox)["acme"].missing_total == 120


@pytest.mark.engines("sqlite")
def test_missing_orders_while_comparisons_fail(minutes: Minutes) -> None:
    """A comparison that fails ends no alert."""
    minutes.go_by(1)
    minutes.shop.before = refusing("/orders", AWAY)
    minutes.go_by(3)
    assert len(minutes.messages) == 1
    minutes.shop.before = lambda _: None
    minutes.go_by(4)
    minutes.assert_reported_once("orders_missing acme")


@pytest.mark.engines("sqlite")
def test_a_loss_that_goes_on_is_one_alert(minutes: Minutes) -> None:
    """The webhook is gone, and an order comes now and then: it ends when a webhook arrives."""
    minutes.shop.webhooks.clear()
    for number in range(300, 303):
        minutes.go_by(5)
        minutes.shop.add(order(number, minutes.clock.now - 100_000))
    minutes.go_by(5)
    assert len(minutes.messages) == 1
    now = minutes.clock.now
    topic = ActivityCount("acme", "woocommerce", ActivityKind.TOPIC, "order.created", 1, now, now)
    activity.record(minutes.inbox, [topic])
    minutes.go_by(1)
    minutes.assert_reported_once("orders_missing acme")


@pytest.mark.engines("sqlite")
def test_a_webhook_that_is_disabled_again(minutes: Minutes) -> None:
    """WooCommerce disables one again after a single failure: orders are lost until it stays active."""
    for _ in range(5):
        minutes.shop.webhooks[1]["status"] = "disabled"
        minutes.go_by(1)
    assert len(minutes.messages) == 2
    minutes.go_by(5)
    minutes.assert_reported_once("orders_missing acme", "webhook_disabled acme order.created")


@pytest.mark.engines("sqlite")
def test_a_webhook_that_was_enabled_at_once(minutes: Minutes) -> None:
    """It is reported although the comparison fails, and the next one finds it active."""
    minutes.shop.orders.clear()
    minutes.shop.webhooks[1]["status"] = "disabled"
    minutes.shop.before = refusing("/orders", AWAY)
    minutes.compare()
    minutes.shop.before = lambda _: None
    minutes.compare(2)
    minutes.evaluate()
    minutes.go_by(4)
    minutes.assert_reported_once("webhook_disabled acme order.created")
    assert minutes.shop.webhooks[1]["status"] == "active"


@pytest.mark.engines("sqlite")
def test_a_webhook_that_cannot_be_enabled(minutes: Minutes) -> None:
    """The key may only read: that is reported for each webhook, with the reason, until a person enables it."""
    minutes.shop.orders.clear()
    minutes.shop.webhooks = {number: hook(number, "disabled") for number in (1, 2)}
    minutes.shop.only_reads = True
    minutes.go_by(5)
    assert len(minutes.messages) == 2
    assert all("api_scope_missing" in one and "sends nothing" in one for one in minutes.messages)
    for one in minutes.shop.webhooks.values():
        one["status"] = "active"
    minutes.go_by(5)
    minutes.assert_reported_once("webhook_disabled acme order.created", "webhook_disabled acme order.updated")


@pytest.mark.engines("sqlite")
def test_an_api_that_refuses(minutes: Minutes) -> None:
    """Once is no alert; what lasts is one, also while the platform does not answer at all in between."""
    minutes.shop.orders.clear()
    minutes.shop.before = refusing("/orders", REFUSES)
    minutes.go_by(1)
    minutes.shop.before = lambda _: None
    minutes.go_by(3)
    assert minutes.messages == []
    for answer in (REFUSES, REFUSES, REFUSES, AWAY, REFUSES, AWAY):
        minutes.shop.before = refusing("/orders", answer)
        minutes.go_by(1)
    minutes.shop.before = lambda _: None
    minutes.go_by(3)
    minutes.assert_reported_once("platform_refuses_us acme")
