"""An order without a profile key takes it from the report of its checkout, whichever comes first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import arrival
from tests.support.recordings import ORDER
from webhook_app.delivery.preparation import Preparation
from webhook_app.inbox import retention
from webhook_app.inbox.reports import backlog, stored_deliveries
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import CHECKOUT_REPORTS
from webhook_app.translation import checkout_reports
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

NAME, KEY, OTHER_KEY, TOKEN = "tweakwise_profile_key", "0f" * 16, "1e" * 16, "c0ffee"
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
KEY_WAIT = 600


def order(number: int = 5001, **changed: Any) -> bytes:
    """An order without a profile key."""
    own = {"id": number, "checkout_token": TOKEN, "created_at": NOON.isoformat(), "financial_status": "paid"}
    lines = [{"product_id": 11, "quantity": 1, "price": "5.00"}]
    return json.dumps({**own, "customer": {"id": 7}, "line_items": lines, **changed}).encode()


class Shop:
    """Stores orders and reports, and prepares and settles them as a worker does; it requires consent."""

    def __init__(self, inbox: Inbox, clock: Clock, **keys: Any) -> None:
        self.inbox, self.clock, self.count = inbox, clock, 0
        shops = {name: replace(ORDER.shop, name=name, **keys) for name in ("acme", "other")}
        self.preparing = Preparation(inbox, shops, all_platforms(), AgeLimits(7e5, 1e12, key_wait=KEY_WAIT))
        self.keys: dict[int, str] = {}

    def orders(self, topic: str = "orders/create", shop: str = "acme", **changed: Any) -> int:
        self.count += 1
        body = order(**{"note": str(self.count), **changed})
        return self.inbox.store(arrival(f"o-{self.count}", body, topic=topic, shop=shop)).id

    def reports(
        self,
        key: str | None = KEY,
        *,
        number: int = 5001,
        token: str = TOKEN,
        shop: str = "acme",
        domain: str = "acme.example",
    ) -> int:
        """Store a report as the receiver does; None is a refusal."""
        decision = {"consent": "no"} if key is None else {"profile_key": key}
        body = json.dumps({"order_id": str(number), "checkout_token": token, "shop": domain, **decision}).encode()
        identity = checkout_reports.identity(str(number), token)
        values: dict[str, Any] = {"topic": CHECKOUT_REPORTS, "shop": shop, "domain": domain}
        return self.inbox.store(arrival(identity, body, **values)).id

    def work(self) -> dict[int, str]:
        """Prepare and settle all that is due; returns the reasons of those not sent, the key of others."""
        jobs, settled, _ = self.preparing.prepare(self.inbox.claim({"acme": 100, "other": 100}))
        self.inbox.settle(settled)
        self.inbox.release([job.delivery for job in jobs])
        sent = {job.delivery.id: str(job.call.body["ProfileKey"]) for job in jobs}
        return sent | {one.delivery.id: str(one.reason) for one in settled}


@pytest.fixture
def shop(inbox: Inbox, clock: Clock) -> Shop:
    """A shop at noon, whose pixel has reported a checkout before."""
    clock.now = int(NOON.timestamp() * 1000)
    shop = Shop(inbox, clock, require_consent=True)
    shop.reports(number=1, token="of-another-order")
    shop.work()
    return shop


def test_the_report_comes_first(shop: Shop) -> None:
    """Then the order does not wait, processed or not: of several reports of a checkout the first counts."""
    report = shop.reports()
    assert shop.reports(OTHER_KEY) == report
    placed = shop.orders()
    assert shop.work() == {report: "checkout_report", placed: KEY}


def test_the_order_comes_first(shop: Shop) -> None:
    """It waits, its report wakes it at once, and all its deliveries have the key."""
    created, paid = shop.orders(), shop.orders("orders/paid")
    elsewhere = shop.orders(number=5002)
    assert shop.work() == dict.fromkeys([created, paid, elsewhere], "key_wait")
    assert shop.work() == {}
    shop.clock.move(5)
    report = shop.reports()
    assert shop.work() == {report: "checkout_report"}
    assert shop.work() == {created: KEY, paid: "already_counted"}


def test_an_order_waits_no_longer_than_key_wait(shop: Shop) -> None:
    """Then it is decided without a key; a late report is used by the order's next delivery."""
    placed = shop.orders()
    shop.work()
    shop.clock.move(KEY_WAIT - 1)
    assert shop.work() == {}
    assert [waits.oldest for waits in backlog.backlogs(shop.inbox)] == [shop.clock.now], "it is no backlog"
    shop.clock.move(1)
    assert shop.work() == {placed: "no_key"}
    late, paid = shop.reports(), shop.orders("orders/paid")
    assert shop.work() == {late: "checkout_report", paid: KEY}


@pytest.mark.parametrize(
    "forged",
    [
        {"token": "guessed"},
        {"number": 5002},
        {"shop": "other"},
        {"domain": "copy.example"},
        {"key": "undefined"},
        {"key": "jan@example.test"},
    ],
    ids=str,
)
def test_a_forged_report_gives_no_key(shop: Shop, forged: dict[str, Any]) -> None:
    """Only the token of the order's own checkout counts, from its own address, with a key that may be sent."""
    shop.reports(**forged)
    placed = shop.orders()
    decided = shop.work()[placed]
    shop.clock.move(KEY_WAIT)
    assert (shop.work() or {placed: decided})[placed] in {"no_key", "no_profile", "personal_data", "bad_profile_key"}


def test_many_forged_reports_hide_nothing(shop: Shop) -> None:
    """Neither the genuine one nor a cancellation of the order."""
    for number in range(30):
        shop.reports(OTHER_KEY, token=f"guess-{number}")
    cancelled = shop.orders("orders/cancelled", cancelled_at=NOON.isoformat(), updated_at=NOON.isoformat())
    shop.work()
    for number in range(30, 60):
        shop.reports(OTHER_KEY, token=f"guess-{number}")
    shop.reports()
    placed = shop.orders()
    assert shop.work()[placed] == "cancelled" == stored_deliveries.get(shop.inbox, cancelled).reason


def test_a_shop_whose_pixel_never_reported_does_not_wait(shop: Shop) -> None:
    """Nor does an order without a checkout, nor one whose attribute is there, empty: the visitor refused."""
    other, manual = shop.orders(shop="other"), shop.orders(checkout_token=None)
    refused = shop.orders(note_attributes=[{"name": NAME, "value": ""}])
    assert shop.work() == {other: "no_key", manual: "no_key", refused: "no_consent"}


def test_the_first_report_of_a_shop(shop: Shop) -> None:
    """Its order did not wait, and is decided again; by a forged report, or after KEY_WAIT, it is not."""
    placed, old = shop.orders(shop="other"), shop.orders(shop="other", number=5002)
    assert shop.work() == {placed: "no_key", old: "no_key"}
    forged = shop.reports(OTHER_KEY, token="guessed", shop="other")
    assert shop.work() == {forged: "checkout_report"}
    first = shop.reports(shop="other")
    assert shop.work() == {first: "checkout_report"}
    assert shop.work() == {placed: KEY}
    shop.clock.move(KEY_WAIT)
    late = shop.reports(shop="other", number=5002)
    assert shop.work() | {placed: ""} == {late: "checkout_report", placed: ""}
    assert old not in shop.work()


def test_a_report_of_a_refusal(shop: Shop) -> None:
    """It is the reason, and no key."""
    placed = shop.orders()
    shop.work()
    shop.reports(None)
    shop.work()
    assert shop.work() == {placed: "no_consent"}


def test_without_require_consent(inbox: Inbox, clock: Clock) -> None:
    """An order whose key may be derived does not wait; a guest's does, and is no_profile after all."""
    clock.now = int(NOON.timestamp() * 1000)
    shop = Shop(inbox, clock)
    shop.reports(number=1)
    customer, guest = shop.orders(), shop.orders(number=5002, customer=None)
    reasons = shop.work()
    assert len(reasons[customer]) == 64
    assert reasons[guest] == "key_wait"
    clock.move(KEY_WAIT)
    assert shop.work() | {customer: ""} == {customer: "", guest: "no_profile"}


def test_a_wait_for_returns_begins_with_the_key(inbox: Inbox, clock: Clock) -> None:
    """Both waits are one after the other, and the key is found again after the second."""
    clock.now = int(NOON.timestamp() * 1000)
    shop = Shop(inbox, clock, require_consent=True, purchase_after=3600)
    report = shop.reports()
    placed = shop.orders()
    assert shop.work() == {report: "checkout_report", placed: "purchase_after"}
    clock.move(3600)
    assert shop.work() == {placed: KEY}


def test_an_erased_report_gives_no_key(shop: Shop) -> None:
    """Retention and requests for erasure wipe the body; what is left names no visitor."""
    report = shop.reports()
    shop.work()
    retention.redact(shop.inbox, [report], "redacted", "")
    placed = shop.orders()
    shop.work()
    shop.clock.move(KEY_WAIT)
    assert shop.work() == {placed: "no_key"}
