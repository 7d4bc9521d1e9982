"""While nothing can be written, those who come to see why can sign in and read the pages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.dashboard import Browser, configured
from tests.support.deliveries import arrival
from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

API_TOKEN = "a-token-of-programs-0123456789"
READABLE = ("", "/deliveries", "/deliveries?order=7", "/accounting", "/shops/demo-shopify", "/actions", "/sessions")


def test_pages_are_read_while_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """Also at the first login ever; the database's error is the only thing that is made up here.

    A program that asks for figures which must add up gets the reason.
    """
    app = configured(monkeypatch, sqlite_url, METRICS_TOKEN="a-token-of-metrics", API_TOKEN=API_TOKEN)
    inbox = app.extensions["webhooks"].inbox
    inbox.store(arrival(shop="demo-shopify"))

    @contextmanager
    def write(**_: Any) -> Iterator[None]:
        raise StoreUnavailableError("database or disk is full", advice="Free some space.")
        yield

    monkeypatch.setattr(inbox.database, "write", write)
    browser = Browser(app)
    assert browser.sign_in().status_code == 303
    assert {path: browser.get(path).status_code for path in READABLE} == dict.fromkeys(READABLE, 200)
    answer = browser.client.get("/api/accounting", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert (answer.status_code, (answer.json or {})["hint"]) == (503, "The database cannot be used. Free some space.")
    assert "Free some space." in browser.get("/accounting.csv").text
    inbox.close()


def test_the_findings_are_for_those_with_the_token(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """/healthz is public, ?full is not: without METRICS_TOKEN it is no more than /healthz."""
    assert configured(monkeypatch, sqlite_url).test_client().get("/healthz?full").json == {"status": "ok"}
    token = "a-token-of-metrics"
    client = configured(monkeypatch, sqlite_url, METRICS_TOKEN=token).test_client()
    assert client.get("/healthz?full").status_code == 401
    found = client.get("/healthz?full", headers={"Authorization": f"Bearer {token}"}).json
    assert found is not None
    assert found["ready"] == "ready"
    assert "events demo-shopify" in [one["name"] for one in found["findings"]]
