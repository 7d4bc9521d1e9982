"""The overview."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from webhook_app.inbox import activity
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser
    from webhook_app.inbox import Inbox


def test_overview_names_problems(filled: tuple[Browser, Inbox]) -> None:
    """Open circuit breakers, refusals and reasons are shown by name."""
    page = filled[0].get("?range=30d").text
    assert " because Tweakwise reports an error on its side (http_503)" in page
    assert "signature_mismatch" in page
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
