"""A dashboard on an empty inbox, and one on an inbox with two weeks of orders."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard import Browser, configured
from tests.support.demo_data import DemoData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from webhook_app.inbox import Inbox


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Iterator[Flask]:
    """A dashboard on an empty SQLite inbox."""
    app = configured(monkeypatch, sqlite_url)
    yield app
    app.extensions["webhooks"].inbox.close()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that is signed in."""
    browser = Browser(app)
    assert browser.sign_in().status_code == 303
    return browser


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> Iterator[tuple[Browser, Inbox]]:
    """A signed-in browser and an inbox with two weeks of orders, on either engine."""
    data = DemoData(migrated_url, int(time.time() * 1000))
    data.fill(orders=30)
    app = configured(monkeypatch, migrated_url)
    browser = Browser(app)
    browser.sign_in()
    yield browser, data.inbox
    data.inbox.close()
    app.extensions["webhooks"].inbox.close()
