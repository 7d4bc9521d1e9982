"""What is known of an order before it is sent: one that was cancelled is not counted by an older state of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import arrival
from tests.support.recordings import EVERY
from webhook_app.delivery.preparation import Preparation
from webhook_app.formatting import timestamp
from webhook_app.inbox import retention, retries
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import backlog, stored_deliveries
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.delivery.dispatcher import Job
    from webhook_app.inbox import Inbox, Settlement

SHOPS = {
    one.platform.name: replace(one.shop, name=one.platform.name)
    for one in EVERY
    if one.folder.name in {"orders_create__note-attributes", "order.created__guest-carried-key"}
}
KEY = {"shopify": "tweakwise_profile_key", "woocommerce": "_tweakwise_profile_key"}
PLACED, CANCELLED = "2026-11-18T09:00:00Z", "2026-11-18T10:00:00Z"
FINAL = [
    ("shopify", "orders/cancelled", {"cancelled_at": CANCELLED, "updated_at": CANCELLED}),
    ("shopify", "orders/updated", {"cancelled_at": CANCELLED, "updated_at": CANCELLED}),
    ("shopify", "orders/updated", {"financial_status": "voided", "updated_at": CANCELLED}),
    ("shopify", "orders/updated", {"financial_status": "refunded", "updated_at": CANCELLED}),
    ("shopify", "orders/delete", None),
    ("woocommerce", "order.updated", {"status": "cancelled", "date_modified_gmt": CANCELLED}),
    ("woocommerce", "order.deleted", None),
]


def order(platform: str, **changed: Any) -> bytes:
    """An order that counts, with what is changed."""
    own: dict[str, Any] = {
        "shopify": {
            "financial_status": "paid",
            "created_at": PLACED,
            "updated_at": PLACED,
            "note_attributes": [{"name": KEY["shopify"], "value": "01ARZ3NDEK"}],
        },
        "woocommerce": {
            "status": "processing",
            "date_created_gmt": PLACED,
            "date_modified_gmt": PLACED,
            "meta_data": [{"key": KEY["woocommerce"], "value": "01ARZ3NDEK"}],
        },
    }[platform]
    lines = [{"product_id": 11, "quantity": 1, "price": "5.00", "total": "5.00"}]
    return json.dumps({"id": 5001, "line_items": lines, **own, **changed}).encode()


class Shop:
    """Stores deliveries about orders, and prepares and settles them as a worker does."""

    def __init__(self, inbox: Inbox, **keys: Any) -> None:
        shops = {name: replace(shop, **keys) for name, shop in SHOPS.items()}
        self.inbox, self.count = inbox, 0
        self.settled: list[Settlement] = []
        self.preparing = Preparation(inbox, shops, all_platforms(), AgeLimits(7 * 86_400, 1e12))

    def store(self, platform: str, topic: str, body: bytes, domain: str = "acme.example") -> int:
        self.count += 1
        changed = {"shop": platform, "platform": platform, "topic": topic, "domain": domain}
        return self.inbox.store(arrival(f"d-{self.count}", body, **changed)).id

    def prepared(self) -> list[Job]:
        """Prepare and settle all that is due; returns what is sent."""
        jobs, settled, _ = self.preparing.prepare(self.inbox.claim(dict.fromkeys(SHOPS, 100)))
        self.inbox.settle(settled)
        self.settled = settled
        return jobs

    def work(self) -> dict[int, str]:
        """Prepare and settle all that is due; returns the reasons of those that were not sent, "sent" for others."""
        jobs, settled = self.prepared(), self.settled
        return {job.delivery.id: "sent" for job in jobs} | {one.delivery.id: str(one.reason) for one in settled}


@pytest.fixture
def shop(inbox: Inbox, clock: Clock) -> Shop:
    """A shop at noon of the day on which the order was placed."""
    clock.now = int(datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp() * 1000)
    return Shop(inbox)


def final_body(platform: str, changed: dict[str, Any] | None) -> bytes:
    return b'{"id": 5001}' if changed is None else order(platform, **changed)


CREATED = {"shopify": "orders/create", "woocommerce": "order.created"}


@pytest.mark.parametrize(("platform", "topic", "changed"), FINAL)
def test_a_late_creation_counts_no_cancelled_order(
    shop: Shop, platform: str, topic: str, changed: dict[str, Any] | None
) -> None:
    """Whether both are claimed together or one after the other."""
    first = shop.store(platform, topic, final_body(platform, changed))
    together = shop.store(platform, CREATED[platform], order(platform))
    reasons = shop.work()
    assert reasons[together] == reasons[first] != "sent"
    later = shop.store(platform, CREATED[platform], order(platform, note="another body"))
    assert shop.work() == {later: reasons[first]}


def test_an_order_that_was_opened_again_counts(shop: Shop) -> None:
    """WooCommerce cancels an unpaid order after an hour; the payment may still come."""
    shop.store("woocommerce", "order.updated", order("woocommerce", status="cancelled", date_modified_gmt=CANCELLED))
    shop.work()
    paid = shop.store("woocommerce", "order.updated", order("woocommerce", date_modified_gmt="2026-11-18T10:00:01Z"))
    assert shop.work() == {paid: "sent"}


def test_a_refund_of_a_part_withdraws_nothing(shop: Shop) -> None:
    """Nor does the cancellation of another order, or of an order of a copy of the shop at another address."""
    shop.store("shopify", "refunds/create", b'{"id": 1, "order_id": 5001, "refund_line_items": []}')
    shop.store("shopify", "orders/cancelled", order("shopify", id=5002, updated_at=CANCELLED))
    shop.store("shopify", "orders/cancelled", order("shopify", updated_at=CANCELLED), domain="copy.example")
    shop.work()
    created = shop.store("shopify", "orders/create", order("shopify"))
    assert shop.work() == {created: "sent"}


DAY = 86_400


@pytest.fixture
def patient(inbox: Inbox, clock: Clock) -> Shop:
    """A shop that waits 14 days for returns, at noon of the day on which the order was placed."""
    clock.now = int(datetime(2026, 11, 18, 12, tzinfo=UTC).timestamp() * 1000)
    return Shop(inbox, purchase_after=14.0 * DAY, no_purchase_statuses=frozenset({"returned"}))


def test_a_purchase_waits_for_returns(patient: Shop, inbox: Inbox, clock: Clock) -> None:
    """It is due 14 days after the order was placed, is no backlog before, and is sent once."""
    for topic in ("orders/create", "orders/paid", "orders/updated"):
        patient.store("shopify", topic, order("shopify"))
    assert set(patient.work().values()) == {"purchase_after"}
    row = stored_deliveries.get(inbox, 1)
    assert timestamp(row.due_at) == "2026-12-02T09:00:00Z"
    clock.move(13 * DAY)
    assert retries.correct(inbox, 3600) == retries.retry_now(inbox, "shopify") == 0
    assert patient.work() == {}
    assert backlog.summary(inbox).oldest_age == 0
    assert {one.oldest for one in backlog.backlogs(inbox)} == {clock.now}
    assert backlog.unfinished(inbox, ["shopify"], range(1, 100), clock.now) == []
    clock.move(DAY)
    assert sorted(patient.work().values()) == ["already_counted", "already_counted", "sent"]
    assert backlog.summary(inbox).oldest_age == 3 * 3600


@pytest.mark.parametrize(("platform", "topic", "changed"), FINAL)
def test_an_order_that_was_cancelled_meanwhile_is_not_sent(
    patient: Shop, clock: Clock, platform: str, topic: str, changed: dict[str, Any] | None
) -> None:
    """Also where the body of the cancellation was wiped since."""
    waiting = patient.store(platform, CREATED[platform], order(platform))
    patient.work()
    clock.move(3600)
    cancelled = patient.store(platform, topic, final_body(platform, changed))
    reason = patient.work()[cancelled]
    clock.move(8 * DAY)
    retention.sweep(patient.inbox, retention.Retention(7 * DAY, 90 * DAY))
    assert stored_deliveries.body(patient.inbox, cancelled) is None
    clock.move(6 * DAY)
    assert patient.work() == {waiting: reason}


def test_the_newest_state_is_sent(patient: Shop, clock: Clock) -> None:
    """What was returned since does not count."""
    left = [{"product_id": 11, "quantity": 2, "current_quantity": 1, "price": "5.00", "discount_allocations": []}]
    newest = order("shopify", updated_at=CANCELLED, taxes_included=False, line_items=left)
    patient.store("shopify", "orders/create", order("shopify", line_items=[{"product_id": 12, "quantity": 1}]))
    clock.move(8 * DAY)
    patient.store("shopify", "orders/updated", newest)
    assert set(patient.work().values()) == {"purchase_after"}
    clock.move(6 * DAY)
    [job] = patient.prepared()
    assert (job.call.body["ProductKeys"], job.call.body["Revenue"]) == (["11"], 5)
    assert job.call.note == "As delivery 2 reports it."


def test_a_status_that_is_excluded_ends_the_wait(patient: Shop, clock: Clock) -> None:
    """A shop may have a status of its own for returns."""
    waiting = patient.store("woocommerce", "order.updated", order("woocommerce"))
    patient.work()
    patient.store("woocommerce", "order.updated", order("woocommerce", status="returned", date_modified_gmt=CANCELLED))
    patient.work()
    clock.move(14 * DAY)
    assert patient.work() == {waiting: "excluded_status"}


def test_a_replay_waits_for_the_same_moment(patient: Shop, inbox: Inbox, clock: Clock) -> None:
    """Once that is over, it is sent at once."""
    number = patient.store("shopify", "orders/create", order("shopify"))
    patient.work()
    operator_actions.discard(inbox, [number], "dropped")
    operator_actions.replay(inbox, [number])
    assert patient.work() == {number: "purchase_after"}
    operator_actions.discard(inbox, [number], "dropped")
    clock.move(15 * DAY)
    operator_actions.replay(inbox, [number])
    assert patient.work() == {number: "sent"}


def test_a_date_in_the_future_delays_nothing(patient: Shop, inbox: Inbox, clock: Clock) -> None:
    """The wait begins when the webhook arrives, at the latest."""
    patient.store("shopify", "orders/create", order("shopify", created_at="2036-01-01T00:00:00Z"))
    patient.work()
    assert stored_deliveries.get(inbox, 1).due_at == clock.now + 14 * DAY * 1000
