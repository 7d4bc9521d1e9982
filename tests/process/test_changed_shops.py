"""Shops that change while `run` is under way are taken over by the receiver, the worker and the sandbox."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support import processes
from tests.support.local_stack import READY
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.reports import stored_deliveries

SHOP = '[shops.{}]\nplatform = "shopify"\nsecrets = ["geheim-geheim-{}"]\ninstance_key = "{}"\nprofile_salt = "zout"\n'


@pytest.mark.engines("sqlite")
def test_changed_shops_are_taken_over(tmp_path: Path, engine: str, database_url: str) -> None:
    """A new shop's order is accepted and counted; a faulty one is a finding that changes nothing.

    However many processes notice it, there is one audit event. A web process that replaces one that was killed has the
    shops of the others.
    """
    assert engine
    shops, log, port = tmp_path / "shops", tmp_path / "log", processes.free_port()
    shops.mkdir()
    (shops / "a.toml").write_text(SHOP.format("a", "a", "1111aaaa"))
    env = processes.environment(
        PORT=str(port),
        SANDBOX_FOLDER=str(tmp_path),
        SANDBOX_DATABASE_URL=database_url,
        SHOPS_FILE=str(shops),
        WEB_CONCURRENCY="1",
        METRICS_TOKEN="0123456789abcdef",
    )
    base = f"http://127.0.0.1:{port}"

    def status() -> int:
        """404 while the shop is unknown, else 401: the request has no signature."""
        return requests.post(f"{base}/webhooks/shopify/b", timeout=10).status_code

    def listed() -> list[dict[str, Any]]:
        answer = requests.get(f"{base}/healthz?full", headers={"Authorization": "Bearer 0123456789abcdef"}, timeout=10)
        return [one for one in answer.json()["findings"] if one["name"] == "configuration changed"]

    with processes.running("run", "--sandbox", f"--sandbox-port={processes.free_port()}", env=env, log=log) as process:
        processes.wait_for_text(READY, process, log)
        (shops / "b.toml").write_text(SHOP.format("b", "b", "2222bbbb"))
        processes.wait_for(lambda: status() == 401)
        sent = processes.command("send-sample", "shopify", "orders/create", "--shop", "b", env=env)
        assert "delivered" in sent.stdout, (sent.stdout, sent.stderr, log.read_text())
        (shops / "b.toml").write_text(SHOP.format("b", "b", "2222bbbb").replace("shopify", "shopfy"))
        processes.wait_for(lambda: bool(listed()))
        assert f"{shops}/b.toml:2: shops.b.platform: there is no such platform" in listed()[0]["text"]
        assert status() == 401
        killed = web_processes(process.pid)
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert processes.gone(killed)
        assert status() == 401
    with closing(Inbox(database_url)) as inbox:
        assert [one.shop for one in stored_deliveries.newest(inbox, 9)] == ["b"]
        events = [one for one in audit_log.newest(inbox) if one.action == "shops_changed"]
        assert [json.dumps([one.source, one.detail]) for one in events] == ['["configuration", "added shop b"]']


def web_processes(run: int) -> list[int]:
    """The processes that serve requests: those that a child of `run` started, once no check of a reload is left."""
    processes.wait_for(lambda: not any("--check" in command(pid) for pid in processes.below(run)))
    found = [pid for pid in processes.below(run) if parent(pid) not in (run, 0)]
    assert found
    return found


def command(pid: int) -> str:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def parent(pid: int) -> int:
    """The number of a process's parent; 0 where it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0
