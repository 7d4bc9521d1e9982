"""Accounting: the totals of a day, and the CSV."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from webhook_app import formatting
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from tests.support.dashboard import Browser
    from webhook_app.inbox import Inbox


@pytest.mark.parametrize(
    ("query", "status"),
    [("day=x", 400), ("day=0001-01-01", 200), ("day=9999-12-31", 200), ("set=odd", 400), ("shop=unknown", 404)],
)
def test_odd_days_give_a_page(browser: Browser, query: str, status: int) -> None:
    """A day without deliveries is replaced by one that may have some; what is no day, shop or group is an error."""
    assert browser.get(f"/accounting?{query}").status_code == status
    assert browser.get(f"/accounting.csv?{query}").status_code == status


def test_accounting_adds_up_day_by_day(filled: tuple[Browser, Inbox]) -> None:
    """The CSV lines of all days together are all deliveries."""
    browser, inbox = filled
    total: dict[str, int] = {}
    for back in range(16):
        day = formatting.date_and_time(inbox.clock() - back * DAY)[:10]
        rows = list(csv.DictReader(io.StringIO(browser.get(f"/accounting.csv?day={day}&set=all").text)))
        for row in rows:
            total[row["state"]] = total.get(row["state"], 0) + int(row["number"])
        page = browser.get(f"/accounting?day={day}&set=all").text
        assert "It adds up" in page
        assert f"<b>{sum(int(row['number']) for row in rows)}</b><span>received" in page
    assert total == stored_deliveries.counts(inbox)


def test_accounting_links_lead_to_the_same_number(filled: tuple[Browser, Inbox]) -> None:
    """The link of a number shows that many deliveries."""
    browser, inbox = filled
    day = formatting.date_and_time(stored_deliveries.newest(inbox, 1)[0].received_at)[:10]
    page = browser.get(f"/accounting?day={day}").text
    links = re.findall(r'href="/dashboard(/deliveries\?state=\w+[^"]*)">(\d+)<', page)
    assert links
    for link, number in links:
        shown = browser.get(link.replace("&amp;", "&")).text
        assert len(re.findall(r'<th scope="row" role="rowheader">', shown)) == int(number), link


def test_differences_are_shown(filled: tuple[Browser, Inbox], monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts that differ from the stored deliveries are corrected, and the page names it."""
    browser, inbox = filled
    monkeypatch.setattr(statistics, "BLOCK", 4)
    assert "The counts were compared with " in browser.get("/accounting?set=all").text
    final = statistics.final_blocks(inbox)
    lost = next(row for row in stored_deliveries.newest(inbox, 400) if row.id // 4 in final)
    page = f"/accounting?day={formatting.date_and_time(lost.received_at)[:10]}&set=all"
    with inbox.database.write() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.id == lost.id))
    assert "It adds up again: counts had differed from the stored deliveries (1 block)" in browser.get(page).text
    assert "The counts were compared with " in browser.get(page).text
