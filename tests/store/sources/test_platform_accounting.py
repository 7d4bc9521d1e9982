"""Accounting against the platform's own list: every listed order has one outcome, also where nothing arrived."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support import woocommerce_api as api
from tests.support.dashboard import Browser, configured
from tests.support.health import NOW, measured
from tests.support.recordings import SIGNED
from tests.support.sources import HOUR, SHOP, deliver, order, platform_at, reconciler, shop_at, webhook
from webhook_app.cli import main
from webhook_app.formatting import percent
from webhook_app.health.checks import ALL
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import platform_accounting
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.inbox.shop_records import platform_orders, reconciliations
from webhook_app.inbox.shop_records.reconciliations import ReconciliationState, WebhookStatus
from webhook_app.platforms import all_platforms
from webhook_app.time_units import now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock
    from webhook_app.health.finding import Finding

API = '[shops.acme.api]\nurl = "https://acme.example"\nkey = "k"\nsecret = "s"\n'


def outcomes(inbox: Inbox, at: int) -> dict[tuple[str, str], int]:
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    return {(one.outcome, one.reason): one.number for one in platform_accounting.of_days(inbox, day)}


def test_every_listed_order_has_one_outcome(inbox: Inbox, clock: Clock) -> None:
    """Delivered, ignored by reason, waiting, dead and missing add up to what the platform lists, at every moment."""
    placed = clock.now - HOUR
    shop = api.Shop(orders={number: order(number, placed) for number in range(1, 8)})
    shop.add(order(8, placed, "failed"))
    for number, state in ((1, State.DELIVERED), (2, State.WAITING), (3, State.DEAD), (4, State.DEAD)):
        webhook(inbox, shop.orders[number])
        deliver(inbox, answers=state)
    operator_actions.discard(inbox, [4], "dropped")
    webhook(inbox, order(5, placed, "pending"))
    deliver(inbox)
    with platform_at(clock, shop) as url:
        running = reconciler(inbox, url)
        running.once(only="acme")
        expected = {("delivered", ""): 1, ("waiting", ""): 5, ("dead", ""): 1, ("ignored", "dropped"): 1}
        assert outcomes(inbox, placed) == expected
        deliver(inbox, url)
        day = datetime.fromtimestamp(placed / 1000, UTC).date()
        entries = platform_accounting.of_days(inbox, day)
        total = platform_accounting.totals(entries)
        expected = {("delivered", ""): 4, ("waiting", ""): 1, ("dead", ""): 1, ("ignored", "dropped"): 1}
        assert outcomes(inbox, placed) == {**expected, ("ignored", "failed"): 1}
        assert (total.listed, total.missing, percent(total.accounted_share)) == (8, 0, "75.00 %")
        [revenue] = platform_accounting.revenues(inbox, day, entries)
        assert (revenue.listed, revenue.sent) == (Decimal("69.65"), Decimal("39.80"))
    assert platform_orders.count(inbox, placed) == {"acme": 8}
    assert reconciliations.states(inbox).keys() == {"acme"}
    clock.move(2 * 3600)
    sweep(inbox, Retention(0, 3600))  # whether the shop still gives access or not
    assert platform_orders.count(inbox, 0) == {}
    assert reconciliations.states(inbox) == {}


def test_what_was_not_fetched_is_missing(inbox: Inbox, clock: Clock) -> None:
    """An order that the platform lists and that no delivery is about."""
    placed = clock.now - HOUR
    with platform_at(clock, api.Shop(orders={1: order(1, placed)})) as url:
        reconciler(inbox, url).once(only="acme")
    with inbox.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM deliveries")
    assert outcomes(inbox, placed) == {("missing", ""): 1}
    assert platform_accounting.missing(inbox, datetime.fromtimestamp(placed / 1000, UTC).date()) == [("acme", "1")]
    assert [one.name for one in platform_orders.find(inbox, ["1"])] == ["1"]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Iterator[Browser]:
    """A signed-in browser; the shop acme gives access to its API, and an order of it is missing."""
    monkeypatch.setenv("SHOPS_FILE", "")
    app = configured(monkeypatch, sqlite_url, SHOPS=SHOP + API, SHOPS_FILE="")
    browser = Browser(app)
    browser.sign_in()
    inbox: Inbox = app.extensions["webhooks"].inbox
    row = platform_orders.PlatformOrder("acme", "purchase:17", "#1017", now_ms(), "backfill:17:x", "", "9.95", "EUR", 0)
    platform_orders.save(inbox, [row])
    yield browser
    inbox.close()


def test_the_page_shows_what_is_missing(browser: Browser) -> None:
    """Beside the deliveries, with the revenue and the days before; a search names the order."""
    page = browser.get("/accounting").text
    assert "Orders at the platform" in page
    assert "0 % of the platform&#39;s orders" in page or "0 % of the platform's orders" in page
    assert "9.95" in page
    assert 'href="/dashboard/deliveries?order=%231017&amp;shop=acme"' in page
    rows = list(csv.DictReader(io.StringIO(browser.get("/accounting/platform.csv").text)))
    assert [(row["shop"], row["outcome"], row["number"], row["revenue"]) for row in rows] == [
        ("acme", "missing", "1", "9.95")
    ]
    for spelling in ("1017", "%231017", "17"):
        assert "no webhook reported it" in browser.get(f"/deliveries?order={spelling}").text
    assert "no webhook reported it" not in browser.get("/deliveries?order=18").text


def test_a_search_names_what_the_platform_has(browser: Browser) -> None:
    """On the page and in `list`; that its list has no such order either, once it was compared."""
    inbox: Inbox = browser.client.application.extensions["webhooks"].inbox

    def answers(order: str) -> tuple[str, str]:
        printed = CliRunner().invoke(main, ["list", "--order", order]).output
        return unescape(browser.get(f"/deliveries?order={order}").text), " ".join(printed.split())

    neither = "acme: the platform's own list has no such order either"
    assert not [text for text in answers("18") if neither in text]
    reconciliations.save(inbox, ReconciliationState("acme", complete_at=now_ms()))
    assert all(neither in text for text in answers("18"))
    assert all("acme: the platform lists the order #1017, placed" in text for text in answers("1017"))
    assert not [text for text in answers("1017") if neither in text]


def found(check: str, **state: object) -> list[Finding]:
    values = {"shop": "acme", "complete_at": NOW - HOUR, **state}
    figures = measured(reconciliations=[ReconciliationState(**values)])  # type: ignore[arg-type]
    return [one for each in ALL if each.name == check for one in each.find(figures)]


@pytest.mark.parametrize("error", ["", "api_unreachable"])
def test_missing_orders_are_a_finding(error: str) -> None:
    """It lasts as long as the comparisons say, also while one fails."""
    [finding] = found("orders_missing", missing=2, error=error, noticed_at=NOW)
    assert "2 orders not reported by a webhook" in finding.text
    assert finding.is_alert
    assert found("orders_missing", error=error) == []


@pytest.mark.parametrize(("active", "repaired", "count"), [(True, False, 0), (False, False, 1), (True, True, 1)])
def test_a_webhook_that_is_not_active_is_a_finding(active: bool, repaired: bool, count: int) -> None:
    """Also when it was enabled again, once."""
    hooks = (WebhookStatus("order.created", "disabled", active, repaired),)
    assert [one.is_alert for one in found("webhook_disabled", webhooks=hooks)] == [True] * count


def test_what_to_do_about_it_is_the_platforms() -> None:
    """An app of Shopware may not enable a webhook, and neither may this receiver."""
    recorded = next(one.shop for one in SIGNED if one.platform.name == "shopware")
    state = ReconciliationState(
        "fixture", webhooks=(WebhookStatus("checkout.order.placed", "inactive", is_active=False),)
    )
    figures = measured(reconciliations=[state], shops={"fixture": recorded}, platforms=all_platforms())
    [finding] = [one for each in ALL if each.name == "webhook_disabled" for one in each.find(figures)]
    assert "install it again" in finding.advice
    assert "subscribe" not in finding.advice


@pytest.mark.parametrize(
    ("error", "failures", "age", "is_alert"),
    [
        ("api_unauthorized", 1, HOUR, False),
        ("api_unauthorized", 3, HOUR, True),
        ("api_unreachable", 3, HOUR, False),
        ("api_unreachable", 9, 3 * HOUR, True),
    ],
)
def test_a_platform_that_refuses_is_a_finding(error: str, failures: int, age: int, is_alert: bool) -> None:
    """A failure is a warning, and an error once it lasts."""
    [finding] = found("platform_refuses_us", error=error, failures=failures, complete_at=NOW - age)
    assert finding.is_alert == is_alert
    assert found("platform_refuses_us") == []


def test_states_of_shops_without_access_are_none(inbox: Inbox) -> None:
    """A shop whose access was taken away has no findings."""
    reconciliations.save(inbox, ReconciliationState("acme", missing=1))
    assert reconciliations.states(inbox)["acme"].missing == 1
    assert shop_at("http://127.0.0.1").api
