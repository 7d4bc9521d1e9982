"""The order in which the events of one visitor arrive at Tweakwise: what is promised, and what is not."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival
from tests.support.local_tweakwise import LocalTweakwise, serving
from tests.support.recordings import EVERY
from webhook_app.delivery.worker import Worker, WorkerOptions
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.retention import Retention
from webhook_app.platforms import all_platforms
from webhook_app.translation.translate import AgeLimits
from webhook_app.tweakwise import retry_policy
from webhook_app.tweakwise.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.delivery.dispatcher import Job

pytestmark = pytest.mark.engines("sqlite", "postgres")

[SHOP] = [one.shop for one in EVERY if one.name == "shopify/orders_create__note-attributes"]
OPTIONS = WorkerOptions(
    threads=1,
    ages=AgeLimits(max_order_age=10**9, max_age=10**9),
    policy=retry_policy.Policy(base=1000, cap=1000, give_up_after=10**6),
    retention=Retention(10**9, 10**9),
)
WITHIN = 20  # seconds


@pytest.fixture
def tweakwise() -> Iterator[LocalTweakwise]:
    """A local Tweakwise."""
    with serving() as local:
        yield local


def store(inbox: Inbox, number: int) -> int:
    """Store an order of the one visitor."""
    order = {
        "id": number,
        "created_at": "2026-11-26T08:00:00Z",
        "financial_status": "paid",
        "note_attributes": [{"name": "tweakwise_profile_key", "value": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}],
        "line_items": [{"product_id": number, "quantity": 1}],
    }
    return inbox.store(arrival(f"order-{number}", json.dumps(order).encode(), shop="shopify")).id


@contextmanager
def working(inbox: Inbox, tweakwise: LocalTweakwise) -> Iterator[None]:
    client: Client[Job] = Client(tweakwise.url, timeout=2)
    running = Worker(inbox, {"shopify": replace(SHOP, name="shopify")}, all_platforms(), client, OPTIONS)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield
    finally:
        running.stop()
        thread.join(WITHIN)


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not reached():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_one_call_at_a_time_keeps_the_order(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """One worker with WORKER_THREADS=1 sends a shop's events in the order in which they were received."""
    for number in range(1, 21):
        store(inbox, number)
    with working(inbox, tweakwise):
        wait_until(lambda: len(tweakwise.events()) == 20)
    arrived = [int(event["body"]["ProductKeys"][0]) for event in tweakwise.events()]
    assert arrived == list(range(1, 21))


def test_an_event_that_waits_holds_up_no_other(inbox: Inbox, tweakwise: LocalTweakwise) -> None:
    """A later event of the same visitor is sent at once, while the earlier one waits for its retry."""
    tweakwise.trouble(status=503)
    with working(inbox, tweakwise):
        earlier = store(inbox, 1)
        wait_until(lambda: stored_deliveries.get(inbox, earlier).state == State.WAITING)
        tweakwise.trouble(status=0)
        later = store(inbox, 2)
        wait_until(lambda: stored_deliveries.get(inbox, later).state == State.DELIVERED)
        assert stored_deliveries.get(inbox, earlier).state == State.WAITING
