"""Findings on the overview: what is shown, and muting."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from webhook_app.inbox.operations import audit_log, muted_findings

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.dashboard import Browser

NEVER = "3 shops: no webhook was ever received."
FINE = "Nothing needs attention"
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


def test_only_what_is_shown_can_be_muted(browser: Browser) -> None:
    """Neither a name that is no finding, nor for an unknown time."""
    names = NAME.findall(browser.get("").text)
    assert browser.post("/findings/mute", "", name="dead acme", **{"for": "8h"}).status_code == 404
    assert browser.post("/findings/mute", "", name=names[0], **{"for": "ever"}).status_code == 400
