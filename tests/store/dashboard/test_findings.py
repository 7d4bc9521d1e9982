"""Findings on the overview: what is shown, and muting."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.operations import audit_log, muted_findings
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser

NEVER = "3 shops: no webhook was ever received."
FINE = "Nothing needs attention"
ROW = re.compile(r'<th scope="row"><a [^>]+>([^<]+)</a></th>\s*<td class="nowrap">(.*?)</td>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
NAME = re.compile(r'name="name" value="(events [^"]+)"')


def test_an_installation_that_received_nothing_is_not_fine(browser: Browser) -> None:
    """The shops may not be connected; equal findings are one line that opens."""
    page = unescape(browser.get("").text)
    assert NEVER in page
    assert FINE not in page
    assert "No webhook was ever received from demo-shopify." in page
    assert "No webhook was ever received from demo-standard." not in unescape(browser.get("/shops/demo-shopify").text)


def test_a_finding_is_muted_and_shown_again(browser: Browser, app: Flask) -> None:
    """All of a line at once; it is an audit event, and listed as muted."""
    inbox = app.extensions["webhooks"].inbox
    names = NAME.findall(browser.get("").text)
    assert len(names) == 3
    assert browser.post("/findings/mute", "", name=names, **{"for": "8h"}).status_code == 303
    assert NEVER not in browser.get("").text
    assert {*muted_findings.muted(inbox)} == {*names}
    assert browser.post("/findings/mute", "", name=names, **{"for": "end"}).status_code == 303
    assert NEVER in browser.get("").text
    assert [one.action for one in audit_log.newest(inbox)][:2] == ["unmute", "mute"]


def test_the_first_webhook_is_seen_at_once(browser: Browser, app: Flask) -> None:
    """The next page, and not one after some seconds, says no more that none was ever received."""
    inbox = app.extensions["webhooks"].inbox
    assert "3 shops: no webhook was ever received." in browser.get("").text
    assert 'data-live="3"' in browser.get("").text
    now = inbox.clock()
    first = ActivityCount("demo-shopify", "shopify", ActivityKind.TOPIC, "orders/create", 1, now, now)
    activity.record(inbox, [first])
    assert NEVER not in browser.get("").text
    assert "ever received from" not in unescape(browser.get("/shops/demo-shopify").text)


def test_a_muted_shop_is_not_fine(browser: Browser, app: Flask) -> None:
    """The table, its page and a link to that say what is muted and until when."""
    inbox = app.extensions["webhooks"].inbox
    event = audit_log.AuditEvent(audit_log.AuditAction.MUTE, "")
    muted_findings.mute(inbox, ["events demo-shopify"], inbox.clock() + 8 * HOUR, event)
    muted_findings.mute(inbox, ["events demo-standard"], None, event)
    app.extensions["dashboard"].health.expire()
    rows = {one[1]: one[2] for one in ROW.finditer(browser.get("").text)}
    shown = {name: " ".join(TAG.sub(" ", row).split()) for name, row in rows.items()}
    assert re.fullmatch(r"Muted events for (8 h|7 h 59 min)", shown["demo-shopify"])
    assert shown["demo-standard"] == "Muted events until it is over"
    assert shown["demo-woocommerce"] == "Warning events"
    assert next(ROW.finditer(browser.get("?state=muted").text))[1] == "demo-shopify"
    page = " ".join(TAG.sub(" ", browser.get("/shops/demo-shopify").text).split())
    assert "demo-shopify Shopify Muted" in page
    assert re.search(r"1 muted finding: events for (8 h|7 h 59 min)", page)
    assert re.search(r"received from demo-shopify. Muted until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", page)


def test_only_what_is_shown_can_be_muted(browser: Browser) -> None:
    """Neither a name that is no finding, nor for an unknown time."""
    names = NAME.findall(browser.get("").text)
    assert browser.post("/findings/mute", "", name="dead acme", **{"for": "8h"}).status_code == 404
    assert browser.post("/findings/mute", "", name=names[0], **{"for": "ever"}).status_code == 400
