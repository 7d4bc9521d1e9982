"""The list of deliveries and its filters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival
from webhook_app.inbox import Inbox, Selection, State
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser


@pytest.mark.parametrize(
    "query",
    [
        "state=odd", "since=yesterday", "until=9999999-01-01T00:00", "number=" + "9" * 400, "number=-1", "below=x",
        "reason=%01", "order=%FF%FE", "topic=" + "x" * 500, "shop=%27%22%3E%3Cscript%3E", "live=1&state=dead",
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


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("state=odd", "State: expected one of delivered, waiting, ignored, dead."),
        ("since=yesterday", "From: expected a time"),
        ("last=2h", "Received: expected one of"),
        ("last=1h&since=2026-11-27T09:30", "choose either"),
        ("since=2026-11-28T09:30&until=2026-11-27T09:30", "From is later than To."),
        ("number=x", "Number: expected"),
        ("below=x", "below: expected"),
        ("reason=fault:odd", "Reason: not possible."),
        ("topic=set:odd", "Topic: not possible."),
        ("stat=dead", "There is no filter stat."),
    ],
)
def test_a_wrong_filter_is_a_message_and_shows_nothing(browser: Browser, app: Flask, query: str, message: str) -> None:
    """Ignored, it would show all deliveries, as if they were what was asked for."""
    app.extensions["webhooks"].inbox.store(arrival())
    page = browser.get(f"/deliveries?{query}").text
    assert message in page
    assert "<tbody" not in page


def test_the_list_can_be_walked(filled: tuple[Browser, Inbox]) -> None:
    """A delivery leads to the next older and newer one of the list from which the reader came."""
    browser, inbox = filled
    ids = [row.id for row in stored_deliveries.newest(inbox, 500, Selection(states=("ignored",)))]
    page = browser.get(f"/deliveries/{ids[3]}?state=ignored").text
    assert f'rel="prev" href="/dashboard/deliveries/{ids[2]}?state=ignored"' in page
    assert f'rel="next" href="/dashboard/deliveries/{ids[4]}?state=ignored"' in page
    ends = [browser.get(f"/deliveries/{ids[place]}?state=ignored").text for place in (0, -1)]
    assert ['rel="prev"' in page for page in ends] == [False, True]
    assert ['rel="next"' in page for page in ends] == [True, False]
