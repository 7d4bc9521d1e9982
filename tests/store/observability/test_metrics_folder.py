"""Counting together in a shared folder: what processes that ended have counted stays, in any container."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.testing import capture_logs

from tests.support.processes import ROOT, environment, file_size_limit
from webhook_app.observability import metrics_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Counts `argv[1]` webhooks, says so, and ends when its input ends; `argv[2]` is how it forks before that.
COUNT = """
import os, sys
from webhook_app.observability.metrics import PrometheusMeter
meter = PrometheusMeter()
if "fork" in sys.argv:
    meter.accepted("shopify", "acme", "stored")
    if os.fork():
        os.wait()
        sys.exit()
for _ in range(int(sys.argv[1])):
    meter.accepted("shopify", "acme", "stored")
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that processes share, in the environment of this one."""
    monkeypatch.setenv(metrics_folder.FOLDER, str(tmp_path / "shared"))
    metrics_folder.share()
    return tmp_path / "shared"


class Counting:
    """A process that has counted so many webhooks, and runs until end() or kill()."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*self.before(), sys.executable, "-c", COUNT, *arguments],
            cwd=ROOT,
            env=environment(PROMETHEUS_MULTIPROC_DIR=str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"counted\n"

    @staticmethod
    def before() -> list[str]:
        """The command that starts it, which gives it the process number 1 where that is possible."""
        command = ["unshare", "--pid", "--fork", "--kill-child"]
        is_possible = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
        return command if is_possible else []

    def end(self) -> None:
        self._process.communicate()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


def total(folder: Path) -> float | None:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry.get_sample_value(
        "webhooks_accepted_total", {"platform": "shopify", "shop": "acme", "result": "stored"}
    )


def test_counts_of_ended_processes_stay(folder: Path) -> None:
    """Two at a time, with the same process number: each counts for itself, and the next ones continue."""
    first, second = Counting(folder, "5"), Counting(folder, "3")
    assert total(folder) == 8
    first.kill()
    second.end()
    assert total(folder) == 8
    Counting(folder, "2").end()
    Counting(folder, "1").end()
    assert total(folder) == 11
    assert len([*folder.glob("counter_*.db")]) == 2


def test_forked_process_has_its_own_slot(folder: Path) -> None:
    """A child does not count in its parent's file."""
    Counting(folder, "4", "fork").end()
    assert total(folder) == 5
    assert len([*folder.glob("counter_*.db")]) == 2


def test_counts_begin_anew_when_the_machine_started(folder: Path) -> None:
    """After a power failure some of the counts may be older than others: all begin at 0."""
    Counting(folder, "5").end()
    metrics_folder.share()
    assert total(folder) == 5
    (folder / metrics_folder.BOOTED).write_text("another start of the machine")
    metrics_folder.share()
    assert total(folder) is None


@pytest.fixture
def damaged(folder: Path) -> Iterator[Path]:
    """A file of a slot that cannot be read."""
    file = folder / "counter_slot0.db"
    file.write_bytes(b"\xff" * 100)
    yield file
    assert file.stat().st_size == metrics_folder.SIZES["counter"]


def test_damaged_file_is_replaced(folder: Path, damaged: Path) -> None:
    """A file that is cut or damaged does not end the process."""
    assert damaged.exists()
    Counting(folder, "2").end()
    assert total(folder) == 2


@pytest.mark.usefixtures("folder")
def test_full_disk_is_reported() -> None:
    """On a full disk a process counts for itself: writing to a mapped file without room would end it by a signal."""
    with file_size_limit(1000), capture_logs() as lines:
        assert metrics_folder.slot() is None
    assert [line["event"] for line in lines] == ["metrics_unavailable"]
