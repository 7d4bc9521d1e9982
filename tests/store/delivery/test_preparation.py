"""Preparation of claimed deliveries: one shop's costly orders do not hold up those of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival
from tests.support.recordings import EVERY
from webhook_app.delivery import preparation
from webhook_app.inbox import Inbox, State
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the store does is tested on both engines in tests/store/inbox.
pytestmark = pytest.mark.engines("sqlite")

ORDER = next(recorded for recorded in EVERY if recorded.name == "shopify/orders_create__note-attributes")
OTHER = "a-quick-shop"


@pytest.fixture
def inbox(migrated_url: str) -> Iterator[Inbox]:
    """An inbox in real time."""
    inbox = Inbox(migrated_url, lease=60)
    yield inbox
    inbox.close()


def test_costly_deliveries_of_a_shop_are_postponed(inbox: Inbox) -> None:
    """What one shop may cost in a group is bounded; the rest is released, and the orders of others are sent."""
    line = {**json.loads(ORDER.body)["line_items"][0], "tax_lines": [{"price": 0}] * 20}
    costly = json.dumps({**json.loads(ORDER.body), "line_items": [line] * 700}).encode()
    for number in range(12):
        inbox.store(arrival(f"costly-{number}", costly, shop="costly"))
    quick = inbox.store(arrival("quick", ORDER.body, shop=OTHER)).id
    shops = {"costly": ORDER.shop, OTHER: ORDER.shop}
    preparing = preparation.Preparation(inbox, shops, all_platforms(), AgeLimits(1e12, 1e12))
    claimed = inbox.claim({"costly": 12, OTHER: 1})
    jobs, settled, postponed = preparing.prepare(claimed)
    assert quick in {job.delivery.id for job in jobs}
    assert {delivery.shop for delivery in postponed} == {"costly"}
    assert len(jobs) + len(settled) + len(postponed) == 13
    inbox.release(postponed)
    again = inbox.claim({"costly": 12})
    assert {delivery.id for delivery in again} == {delivery.id for delivery in postponed}
    assert {delivery.lapses for delivery in again} == {0}


def test_usual_deliveries_are_prepared_together(inbox: Inbox) -> None:
    """A group of usual orders is far below the limit."""
    for number in range(100):
        inbox.store(arrival(str(number), ORDER.body, shop="usual"))
    preparing = preparation.Preparation(inbox, {"usual": ORDER.shop}, all_platforms(), AgeLimits(1e12, 1e12))
    jobs, settled, postponed = preparing.prepare(inbox.claim({"usual": 100}))
    assert (len(jobs) + len(settled), postponed) == (100, [])
    assert {settlement.state for settlement in settled} <= {State.IGNORED}
