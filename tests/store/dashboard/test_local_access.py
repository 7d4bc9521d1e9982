"""The dashboard without a password: on this machine alone, and only where nothing else protects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard import PASSWORD, Browser, configured
from webhook_app.dashboard.local_access import OPEN

if TYPE_CHECKING:
    from pathlib import Path

HERE = {"HTTP_HOST": "127.0.0.1:8000", "REMOTE_ADDR": "127.0.0.1"}


def status(monkeypatch: pytest.MonkeyPatch, url: str, variables: dict[str, str], **environ: str) -> int:
    app = configured(monkeypatch, url, **{"BIND": "127.0.0.1", "DASHBOARD_PASSWORD": "", **variables})
    try:
        return Browser(app, **{**HERE, **environ}).get().status_code
    finally:
        app.extensions["webhooks"].inbox.close()


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that is there while a tunnel is open; `run --sandbox` names it."""
    monkeypatch.setenv(OPEN, str(tmp_path / "8000.tunnel"))
    return tmp_path / "8000.tunnel"


def test_only_browsers_of_this_machine(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, marker: Path) -> None:
    """Not another address, another site's name for this one, or what came through a proxy or a tunnel."""
    app = configured(monkeypatch, sqlite_url, BIND="127.0.0.1", DASHBOARD_PASSWORD="")
    for name in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        browser = Browser(app, HTTP_HOST=name, REMOTE_ADDR="127.0.0.1")
        assert browser.get().status_code == 200
        assert browser.get("/deliveries").status_code == 200
    others = [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": ""},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_CF_CONNECTING_IP": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_TAILSCALE_USER_LOGIN": "someone"},
        {"SERVER_PROTOCOL": "HTTP/1.0"},  # nginx with nothing but proxy_pass, which writes the upstream as the host
        {"HTTP_HOST": "[::1"},
    ]
    for environ in others:
        browser = Browser(app, **{**HERE, **environ})
        assert browser.get().status_code == 303, environ
        assert browser.sign_in("").status_code in {401, 403}
    inside = Browser(app, **HERE)
    assert inside.get().status_code == 200
    marker.touch()  # its cookie opens nothing now
    assert inside.get().status_code == 303
    app.extensions["webhooks"].inbox.close()


def test_what_protects_it_counts(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, marker: Path) -> None:
    """A password, a proxy in front, an open address, or no sandbox: nothing is open."""
    assert marker
    assert status(monkeypatch, sqlite_url, {"DASHBOARD_PASSWORD": PASSWORD}) == 303
    assert status(monkeypatch, sqlite_url, {"BIND": "0.0.0.0"}) == 303
    assert status(monkeypatch, sqlite_url, {"TRUSTED_PROXIES": "1"}) == 303
    assert status(monkeypatch, sqlite_url, {}) == 200
    monkeypatch.delenv(OPEN)
    assert status(monkeypatch, sqlite_url, {}) == 404
