"""The search box: orders in every state, deliveries, profile keys, and what it answers when there is none."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard import PAGES
from tests.support.deliveries import arrival, claim_one, settle
from tests.support.recordings import ORDER
from webhook_app.inbox import State
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser
    from webhook_app.inbox import Inbox


@pytest.fixture
def inbox(app: Flask) -> Inbox:
    """An inbox with one ignored order and one that no worker has seen; their shop is configured."""
    inbox: Inbox = app.extensions["webhooks"].inbox
    inbox.store(arrival("a", ORDER.body, shop="demo-shopify"))
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", key="purchase:77", order_name="#1077")
    inbox.store(arrival("b", ORDER.body, shop="demo-shopify"))
    return inbox


def test_the_box_is_on_every_page(browser: Browser, inbox: Inbox) -> None:
    """Signed in, on each page of the menu and on a delivery's."""
    assert inbox
    for page in PAGES:
        if not page.endswith(".csv"):
            assert 'role="search"' in browser.get(page).text, page


@pytest.mark.parametrize(
    ("text", "path"),
    [("77", "order=77"), ("#1077", "order=%231077"), ("1077", "order=1077"), ("2", "/deliveries/2"), (" ", "deliver")],
)
def test_an_order_or_a_delivery_is_found(browser: Browser, inbox: Inbox, text: str, path: str) -> None:
    """By id, number or name, whatever became of it; what is no order's may be the number of a delivery."""
    assert inbox
    answer = browser.post("/search", "", q=text, what="order")
    assert answer.status_code == 303
    assert path in answer.headers["Location"]


def test_none_is_answered_with_what_may_be_the_reason(browser: Browser, inbox: Inbox) -> None:
    """Refused webhooks, topics that never arrived and shops that never sent anything are named."""
    kind, now = ActivityKind.REFUSAL, inbox.clock()
    refused = ActivityCount("demo-shopify", "shopify", kind, "signature_mismatch", 23, now - HOUR, now - HOUR)
    topic = ActivityCount("demo-shopify", "shopify", ActivityKind.TOPIC, "orders/create", 2, now, now)
    draft = ActivityCount("demo-shopify", "shopify", ActivityKind.TOPIC, "draft_orders/create", 2, now, now)
    activity.record(inbox, [refused, topic, draft])
    location = browser.post("/search", "", q="4711", what="order").headers["Location"]
    page = unescape(browser.client.get(location).text)
    assert "No stored delivery is about order 4711" in page
    assert "demo-shopify refused 23 webhooks in the last 7 d (signature_mismatch), the last one 1 h ago." in page
    assert "demo-shopify never sent orders/paid" in page
    assert "demo-standard, demo-woocommerce never sent a webhook" in page
    assert "demo-shopify sent draft_orders/create: such webhooks name no order" in page
    assert "Deliveries are deleted 90 d after" in page


def test_a_profile_key_is_searched_by_choice_only(browser: Browser, inbox: Inbox) -> None:
    """In the answer to the POST itself: no URL holds it."""
    assert inbox
    answer = browser.post("/search", "", q="k-4711", what="profile_key")
    assert answer.status_code == 200
    assert 'value="k-4711"' in answer.text
    assert "No deliveries match" in answer.text
