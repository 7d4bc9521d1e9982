"""The page of one delivery, and its actions."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from tests.support.dashboard import PAGES, PASSWORD, Browser
from tests.support.deliveries import arrival
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from flask import Flask

ORDER = {
    "created_at": "2026-11-26T08:00:00Z",
    "financial_status": "paid",
    "taxes_included": True,
    "line_items": [{"product_id": 1, "quantity": 1, "price": "9", "discount_allocations": [], "tax_lines": []}],
}


def test_timeline_has_every_attempt(filled: tuple[Browser, Inbox]) -> None:
    """Each attempt is shown with its failure and duration, and the next step."""
    browser, inbox = filled
    [row] = [row for row in stored_deliveries.newest(inbox, 5) if row.state == State.WAITING]
    page = browser.get(f"/deliveries/{row.id}").text
    assert page.count("Attempt failed: No response in time (timeout)") == 2
    assert "Attempt failed: Tweakwise answered 503 (http_503)" in page
    assert "after 730 ms" in page
    assert "Next attempt" in page
    assert "POST /api/purchase" in page
    assert "INSTANCE_KEY" not in page
    revealed = browser.post(f"/deliveries/{row.id}/reveal").text
    assert "Instance-Key: $INSTANCE_KEY" in revealed.replace("&#34;", '"')


def test_secrets_are_never_shown(filled: tuple[Browser, Inbox]) -> None:
    """Neither webhook secrets nor instance keys nor salts are on any page."""
    browser, inbox = filled
    pages = "".join(
        browser.get(path).text for path in (*PAGES, f"/deliveries/{stored_deliveries.newest(inbox, 1)[0].id}")
    )
    for secret in (
        "demo-shopify-secret",
        "demowoocommercesecret",
        "demo0001",
        "demo0002",
        "demo-profile-salt",
        PASSWORD,
    ):
        assert secret not in pages


def test_replay_and_discard_are_recorded(filled: tuple[Browser, Inbox]) -> None:
    """Each is carried out once; the second time the page says that nothing was changed."""
    browser, inbox = filled
    row = next(row for row in stored_deliveries.newest(inbox, 500) if row.reason == "no_profile")
    done = browser.post(f"/deliveries/{row.id}/replay")
    assert done.location.endswith("message=replayed")
    assert stored_deliveries.get(inbox, row.id).state == State.RECEIVED
    assert browser.post(f"/deliveries/{row.id}/discard").location.endswith("message=discarded")
    assert browser.post(f"/deliveries/{row.id}/discard").location.endswith("message=unchanged")
    assert stored_deliveries.get(inbox, row.id).reason == "dropped"
    recorded = [(entry.action, entry.delivery_id, entry.detail) for entry in audit_log.newest(inbox)][:3]
    assert recorded == [
        ("drop", row.id, "Previously ignored: Discarded manually (dropped)."),
        ("drop", row.id, "Previously received."),
        ("replay", row.id, "Previously ignored: No profile key (no_profile)."),
    ]
    page = browser.get(f"/deliveries/{row.id}").text
    assert "Replayed by session" in page
    assert "no_profile" in browser.get("/actions").text


def test_personal_fields_are_masked_until_revealed(browser: Browser, app: Flask) -> None:
    """Revealing needs the CSRF token, and is recorded before anything is shown."""
    inbox = app.extensions["webhooks"].inbox
    body = b'{"id": 7, "email": "jan@example.nl", "customer": {"id": 42, "first_name": "Jan"}, "total_price": "9.95"}'
    number = inbox.store(arrival("a", body, shop="demo-shopify")).id
    masked = browser.get(f"/deliveries/{number}").text
    assert "9.95" in masked
    assert "jan@" not in masked
    assert "Jan" not in masked
    assert browser.get(f"/deliveries/{number}/reveal").status_code == 405
    revealed = browser.post(f"/deliveries/{number}/reveal").text
    assert "jan@example.nl" in revealed
    assert audit_log.newest(inbox, number)[0].action == "reveal"
    assert "jan@" not in browser.get(f"/deliveries/{number}").text


def test_page_of_a_hostile_body_is_quick(browser: Browser, app: Flask) -> None:
    """A body with very many fields, or with a key of any length, does not stop the process that shows it."""
    inbox = app.extensions["webhooks"].inbox
    pairs = [{"name": f"n{number}", "value": "v"} for number in range(24_000)]
    key = [{"name": "tweakwise_profile_key", "value": "-at" * 60_000}]
    for number, attributes in enumerate((pairs, key, pairs * 4)):
        body = json.dumps({**ORDER, "id": number, "note_attributes": attributes}).encode()
        stored = inbox.store(arrival(str(number), body, shop="demo-shopify")).id
        began = time.thread_time()
        page = browser.get(f"/deliveries/{stored}")
        assert page.status_code == 200
        assert time.thread_time() - began < 1.5
        assert len(page.data) < 2_000_000
