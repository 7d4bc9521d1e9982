"""A real Chromium, as Debian packages it, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.support.processes import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
# Chromium connects to the page alone: no updates, no look-ups, no sync.
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# Headless Chromium names itself in its user agent, and is rightly taken for a robot.
VISITOR = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


def close_at(context: BrowserContext, url: str) -> None:
    """Close the tabs once each of them has loaded that page: to close one that is still on its way there can hang."""
    for page in context.pages:
        page.wait_for_url(url, timeout=LONGEST * 1000)
    context.close()


@contextmanager
def device(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with cookies of no other."""
    context = browser.new_context(user_agent=VISITOR)
    context.set_default_timeout(LONGEST * 1000)
    yield context
    context.close()
