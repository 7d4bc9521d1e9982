"""The list of deliveries and its filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from webhook_app.inbox import Inbox, State
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from tests.support.dashboard import Browser


@pytest.mark.parametrize(
    "query",
    [
        "state=odd", "since=yesterday", "until=9999999-01-01T00:00", "number=" + "9" * 400, "number=-1", "below=x",
        "reason=%00", "order=%FF%FE", "topic=" + "x" * 500, "shop=%27%22%3E%3Cscript%3E", "live=1&state=dead",
        "below=0", "since=0001-01-01T00:00", "reason=fault:ours", "topic=set:others", "topic=set:orders&state=waiting",
    ],
)  # fmt: skip
def test_odd_filters_give_a_page(browser: Browser, query: str) -> None:
    """Any query gives a page, and nothing of it becomes markup."""
    response = browser.get(f"/deliveries?{query}")
    assert response.status_code == 200
    assert "<script>" not in response.text


def test_filters_find_deliveries(filled: tuple[Browser, Inbox]) -> None:
    """An order id finds all its deliveries, a profile key one, a state all in it."""
    browser, inbox = filled
    delivered = next(row for row in stored_deliveries.newest(inbox, 500) if row.state == State.DELIVERED)
    order = (delivered.business_key or "").removeprefix("purchase:")
    of_order = browser.get(f"/deliveries?order={order}").text
    assert len(re.findall(r'<th scope="row" role="rowheader">', of_order)) == 2
    profile = browser.post("/deliveries", "/deliveries", profile_key=f"profile-{order}").text
    assert f'deliveries/{delivered.id}">' in profile
    assert len(re.findall(r'<th scope="row" role="rowheader">', profile)) == 1
    waiting = browser.get("/deliveries?state=waiting").text
    assert len(re.findall(r'<th scope="row" role="rowheader">', waiting)) == stored_deliveries.counts(inbox)["waiting"]
