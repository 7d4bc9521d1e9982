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
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

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
        self.preparing = Preparation(inbox, shops, all_platforms(), AgeLimits(7 * 86_400, 1e12))

    def store(self, platform: str, topic: str, body: bytes, domain: str = "acme.example") -> int:
        self.count += 1
        changed = {"shop": platform, "platform": platform, "topic": topic, "domain": domain}
        return self.inbox.store(arrival(f"d-{self.count}", body, **changed)).id

    def work(self) -> dict[int, str]:
        """Prepare and settle all that is due; returns the reasons of those that were not sent, "sent" for others."""
        jobs, settled, _ = self.preparing.prepare(self.inbox.claim(dict.fromkeys(SHOPS, 100)))
        self.inbox.settle(settled)
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
