"""The overview."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from webhook_app.inbox.counting import activity
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser
    from webhook_app.inbox import Inbox


def test_overview_names_problems(filled: tuple[Browser, Inbox]) -> None:
    """Open circuit breakers and reasons are shown by name, refusals as a number."""
    page = filled[0].get("?range=30d").text
    assert " because Tweakwise reports an error on its side (http_503)" in page
    assert re.search(r'<td class="right wide-only">15</td>', page)
    assert "already_counted" in page
    assert 'class="delivered"' in page


def test_overview_names_two_addresses(browser: Browser, app: Flask) -> None:
    """A shop that two addresses send for needs attention, with the line to write."""
    inbox = app.extensions["webhooks"].inbox
    shop, now = next(iter(app.extensions["webhooks"].shops.values())), inbox.clock()
    kind = activity.ActivityKind.ADDRESS
    for address in ("a.example", "b.example"):
        activity.record(inbox, [activity.ActivityCount(shop.name, shop.platform, kind, address, 1, now, now)])
    page = unescape(browser.get("").text)
    assert f'Write into [shops.{shop.name}]: domain = "a.example"' in page


def test_overview_counts_every_delivery(filled: tuple[Browser, Inbox]) -> None:
    """The total of 30 days is the number of deliveries."""
    browser, inbox = filled
    counts = stored_deliveries.counts(inbox)
    found = re.search(r"<dt>Received</dt>\s*<dd>(\d+)", browser.get("?range=30d").text)
    assert found
    assert int(found[1]) == sum(counts.values())


def rows(page: str) -> list[str]:
    """The shops in the table, in its order."""
    return re.findall(r'<th scope="row"><a href="/dashboard/shops/([^"]+)"', page)


def test_the_worst_shop_is_first(filled: tuple[Browser, Inbox]) -> None:
    """The shop with the most problems, of equal severity; a column sorts, and sorts back; states are a partition."""
    browser = filled[0]
    found = rows(browser.get("").text)
    assert (found[0], len(found)) == ("demo-shopify", 3)
    assert rows(browser.get("?sort=name").text) == sorted(found)
    assert rows(browser.get("?sort=name&reverse=1").text) == sorted(found, reverse=True)
    assert rows(browser.get("?sort=last").text)[0] == "demo-standard"
    assert rows(browser.get("?name=WOO").text) == ["demo-woocommerce"]
    by_state = [rows(browser.get(f"?state={state}").text) for state in ("error", "warning", "ok", "removed")]
    assert sorted(name for names in by_state for name in names) == sorted(found)


def test_an_unknown_value_is_a_message(filled: tuple[Browser, Inbox]) -> None:
    """Never all rows where a state is not known; an order that is not known is the usual one."""
    browser = filled[0]
    wrong = browser.get("?state=eror").text
    assert "State: expected one of error, warning, muted, ok, removed; no shop is shown." in wrong
    assert rows(wrong) == []
    for query in ("sort=price", "reverse=yes", "range=1y"):
        page = browser.get(f"?{query}").text
        assert ("expected" in page, len(rows(page))) == (True, 3), query


def test_links_of_earlier_pages_lead_to_the_shop(browser: Browser) -> None:
    """Findings and bookmarks named a shop in the query of the overview; the page of all set-ups is gone."""
    answer = browser.get("?shop=demo-shopify&range=7d")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/shops/demo-shopify?range=7d")
    assert browser.get("/setup").headers["Location"] == "/dashboard"


def test_the_sums_of_weeks_are_those_of_the_shops(filled: tuple[Browser, Inbox]) -> None:
    """All shops together are read from the sums of blocks, one shop from its counts."""
    received = re.compile(r"<dt>Received</dt>\s*<dd>(\d+)")
    browser = filled[0]

    def total(path: str) -> int:
        found = received.search(browser.get(path).text)
        assert found
        return int(found[1])

    for span in ("24h", "7d", "30d"):
        names = ("demo-shopify", "demo-woocommerce", "demo-standard")
        assert total(f"?range={span}") == sum(total(f"/shops/{name}?range={span}") for name in names)
