"""The alert rules of docs/prometheus and the page /metrics, as Prometheus's own tool judges them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import prometheus
from tests.support.recordings import as_toml, shop_keys
from webhook_app.app import create_app

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox

TOKEN = "a-token-of-this-test"


def promtool(*arguments: str, given: str = "") -> tuple[int, str]:
    command = [str(prometheus.PROMTOOL), *arguments]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@prometheus.needed
def test_rules_do_what_they_promise() -> None:
    """First bursts, falls, silence, an outage of the database, disk, spool and worker: see alert_rules*.yml."""
    code, text = promtool("test", "rules", *map(str, Path(__file__).parent.glob("alert_rules*.yml")))
    assert code == 0, text


@prometheus.needed
@pytest.mark.engines("sqlite")
def test_page_has_no_fault(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, units, help texts and the format are as Prometheus asks for."""
    monkeypatch.delenv("SHOPS_FILE", raising=False)
    monkeypatch.setenv("SHOPS", as_toml("shop", shop_keys("shopify")))
    monkeypatch.setenv("DATABASE_URL", str(inbox.database.engine.url))
    monkeypatch.setenv("METRICS_TOKEN", TOKEN)
    app = create_app()
    page = app.test_client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    app.extensions["webhooks"].inbox.close()
    assert promtool("check", "metrics", given=page) == (0, "")
