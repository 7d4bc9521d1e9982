"""Prometheus and Alertmanager as Debian packages them, scraping the receiver."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import pytest
import requests
import yaml

from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

PROMETHEUS, PROMTOOL, ALERTMANAGER = map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager"))
needed = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL and ALERTMANAGER),
    reason="prometheus and prometheus-alertmanager are not installed (apt-get install)",
)
RULES = processes.ROOT / "docs/prometheus/alerts.yml"
EVERY = "200ms"


class Prometheus:
    """A Prometheus that scrapes `target` with the receiver's own rules, and posts alerts to `notified`."""

    def __init__(self, folder: Path, target: str, token: str, notified: str) -> None:
        self._folder, self._stack = folder / "prometheus", ExitStack()
        self._folder.mkdir()
        self.port, self._alertmanager = processes.free_port(), processes.free_port()
        self._write(
            "prometheus.yml",
            {
                "global": {"scrape_interval": EVERY, "scrape_timeout": EVERY, "evaluation_interval": EVERY},
                "rule_files": [str(RULES)],
                "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self._alertmanager}"]}]}]},
                "scrape_configs": [
                    {
                        "job_name": "webhooks",
                        "authorization": {"credentials": token},
                        "static_configs": [{"targets": [target]}],
                    }
                ],
            },
        )
        self._write(
            "alertmanager.yml",
            {
                "route": {"receiver": "hook", "group_wait": "0s", "group_by": ["..."]},
                "receivers": [{"name": "hook", "webhook_configs": [{"url": notified}]}],
            },
        )

    def __enter__(self) -> Self:
        folder = self._folder
        self._start(
            *(PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
            f"--web.listen-address=127.0.0.1:{self.port}",
        )
        self._start(
            *(ALERTMANAGER, f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/alerts"),
            *(f"--web.listen-address=127.0.0.1:{self._alertmanager}", "--cluster.listen-address="),
        )
        processes.wait_for(lambda: self._is_ready(self.port) and self._is_ready(self._alertmanager))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def history(self, selector: str) -> dict[tuple[tuple[str, str], ...], list[float]]:
        """Every sample that was scraped, by series."""
        return {
            tuple(sorted(series["metric"].items())): [float(value) for _, value in series["values"]]
            for series in self._query(f"{selector}[1h]")
        }

    def value(self, expression: str) -> float | None:
        """The value of an expression over one series; None where there is none."""
        found = self._query(expression)
        return float(found[0]["value"][1]) if found else None

    def _query(self, expression: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/query"
        return requests.get(url, {"query": expression}, timeout=processes.LONGEST).json()["data"]["result"]

    def _write(self, name: str, content: dict[str, Any]) -> None:
        (self._folder / name).write_text(yaml.safe_dump(content))

    def _start(self, *command: str | None) -> None:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen([part for part in command if part], stdout=log, stderr=log)
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)

    @staticmethod
    def _is_ready(port: int) -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{port}/-/ready", timeout=5).ok
        return False
