"""A real Prometheus over kills and restarts of the receiver, and its alert rules through a real Alertmanager."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import requests

from tests.support import processes, prometheus
from tests.support.collector import Collector
from tests.support.service import Load, Service

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-this-test"
ACCEPTED, SETTLED = 'webhooks_accepted_total{result="stored"}', 'webhooks_settled_total{state="delivered"}'
CALLS = 'webhooks_calls_total{result="ok"}'
REFUSED = 'webhooks_refused_total{shop="demo-shopify",reason="signature_missing"}'
BURST = 30


@prometheus.needed
def test_counters_never_fall(tmp_path: Path, sqlite_url: str) -> None:
    """Over kills and restarts of web and worker, what Prometheus has is what the database and Tweakwise have.

    A first burst of refusals is an alert, which Alertmanager delivers: its series was there, at 0.
    """
    shared = {"METRICS_TOKEN": TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared"), "LEASE": "15s"}
    received = Collector()
    hook = f"http://127.0.0.1:{received.port}/"
    with Service(tmp_path, sqlite_url, **shared) as service:
        service.start_all()
        with prometheus.Prometheus(tmp_path, service.url.removeprefix("http://"), TOKEN, hook) as watching:
            processes.wait_for(lambda: watching.value(f"max({REFUSED})") == 0)
            assert watching.value(f"max({ACCEPTED})") == 0
            sent = _played(service)
            service.wait_for(sent)
            count = len(service.purchases())
            _refuse(service)
            processes.wait_for(lambda: watching.value(f"sum({SETTLED})") == count)
            processes.wait_for(lambda: watching.value(f"sum({REFUSED})") == BURST)
            assert watching.value(f"sum({ACCEPTED})") == watching.value(f"sum({CALLS})") == count
            falls = [_falls(watching.history(one)) for one in (ACCEPTED, SETTLED, CALLS, REFUSED)]
            processes.wait_for(lambda: "WebhooksSignaturesFail" in _names(received))
    received.close()
    assert falls == [[], [], [], []]


def _played(service: Service) -> set[int]:
    """Send orders, kill a web process and the worker, send more, restart web, send more; returns their numbers."""
    sent: set[int] = set()
    for step, interrupt in enumerate((_kill_both, _restart_web, None)):
        with Load(service, first=1 + 1000 * step, threads=2) as load:
            processes.wait_for(lambda load=load: len(load.acknowledged()) >= 10)  # type: ignore[misc]
        # Between two orders, so that no process ends between a commit and its count.
        service.wait_for(load.acknowledged())
        sent |= load.acknowledged()
        if interrupt:
            interrupt(service)
    return sent


def _kill_both(service: Service) -> None:
    web = service.started("web")
    [process] = processes.below(web.pid)
    os.kill(process, signal.SIGKILL)
    service.kill("worker")
    service.start("worker")
    processes.wait_for(lambda: process not in processes.below(web.pid))
    processes.wait_until_ready(f"{service.url}/readyz", web, service.folder / "web.log")


def _restart_web(service: Service) -> None:
    service.stop("web")
    service.start("web", ready=f"{service.url}/readyz")


def _refuse(service: Service) -> None:
    url = f"{service.url}/webhooks/shopify/demo-shopify"
    assert [requests.post(url, data=b"{}", timeout=processes.LONGEST).status_code for _ in range(BURST)] == [
        401
    ] * BURST


def _falls(history: dict[Any, list[float]]) -> list[Any]:
    assert history
    return [
        (labels, before, after)
        for labels, values in history.items()
        for before, after in pairwise(values)
        if 0 < after < before
    ]


def _names(received: Collector) -> set[str]:
    return {alert["labels"]["alertname"] for _, body in received.bodies for alert in json.loads(body)["alerts"]}
