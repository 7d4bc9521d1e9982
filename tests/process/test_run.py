"""`run`: everything in one go, stopped in one go, nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support import processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator


@dataclass
class Run:
    """A `run --sandbox` under way."""

    process: subprocess.Popen[bytes]
    env: dict[str, str]
    log: Path
    port: int
    sandbox_port: int

    def children(self) -> list[int]:
        """Every process that was started below this one, grandchildren included."""
        return processes.below(self.process.pid)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    port, sandbox_port = processes.free_port(), processes.free_port()
    env = processes.environment(
        PORT=str(port), DATABASE_URL=f"sqlite:///{tmp_path / 'inbox.db'}", SHOPS_FILE="shops.demo.toml"
    )
    log = tmp_path / "log"
    process = processes.start("run", "--sandbox", f"--sandbox-port={sandbox_port}", env=env, log=log)
    run = Run(process, env, log, port, sandbox_port)
    try:
        deadline = time.monotonic() + 40
        while "Ctrl-C stops everything." not in log.read_text() and time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        yield run
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(40)


def test_banner_leads_on(run: Run) -> None:
    """It prints each shop's URL, where to look, and a command that works as it stands."""
    text = run.log.read_text()
    assert f"http://127.0.0.1:{run.port}/webhooks/shopify/demo-shopify" in text
    assert f"http://127.0.0.1:{run.port}/webhooks/woocommerce/demo-woocommerce" in text
    assert f"http://127.0.0.1:{run.sandbox_port}/" in text
    sample = processes.command("send-sample", "shopify", "orders/create", env=run.env)
    assert sample.returncode == 0, sample.stderr
    assert "state         delivered" in sample.stdout
    events = requests.get(f"http://127.0.0.1:{run.sandbox_port}/events", timeout=10).json()["events"]
    assert [event["event"] for event in events] == ["purchase"]
    report = processes.command("send-sample", "shopify", "storefront/search", env=run.env)
    assert (report.returncode, '200 {"status": "stored"}' in report.stdout) == (0, True), report.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_all_of_it(run: Run, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM ends every process, with exit code 0 and without a stack trace."""
    children = run.children()
    assert len(children) >= 5
    run.process.send_signal(number)
    assert run.process.wait(30) == 0
    assert processes.gone(children)
    assert "Traceback" not in run.log.read_text()


def test_children_have_a_group_of_their_own(run: Run) -> None:
    """Ctrl-C in a terminal reaches `run` alone, which stops the others in order."""
    groups = {os.getpgid(pid) for pid in run.children()}
    assert len(groups) == 1
    assert os.getpgid(run.process.pid) not in groups


def test_killed_run_leaves_nothing_behind(run: Run) -> None:
    """Even after kill -9 of `run` the ports are free again."""
    children = run.children()
    run.process.kill()
    run.process.wait(10)
    assert processes.gone(children)


def test_dead_child_ends_all(run: Run) -> None:
    """When one part dies, the whole ends with exit code 1 and says which, so that the host starts it again."""
    children = run.children()
    worker = next(pid for pid in children if b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    assert run.process.wait(30) == 1
    assert processes.gone(children)
    assert "worker ended with exit code -9" in run.log.read_text()


def test_runs_on_a_dyno(tmp_path: Path) -> None:
    """On Heroku `run` starts web and worker in one dyno, and says what becomes of its disk."""
    log = tmp_path / "log"
    port = processes.free_port()
    database = Path("var") / f"{tmp_path.name}.db"
    env = processes.environment(
        PORT=str(port), DYNO="web.1", DATABASE_URL=f"sqlite:///{database}", SHOPS_FILE="shops.demo.toml"
    )
    with processes.running("run", env=env, log=log, ready=f"http://127.0.0.1:{port}/readyz"):
        pass
    for file in (processes.ROOT / "var").glob(f"{tmp_path.name}.db*"):
        file.unlink()
    assert "a dyno's disk is emptied" in log.read_text()


def test_busy_port_is_said(run: Run, tmp_path: Path) -> None:
    """A second one on the same port ends and names the reason."""
    log = tmp_path / "second.log"
    env = {**run.env, "DATABASE_URL": f"sqlite:///{tmp_path / 'second.db'}"}
    second = processes.start("run", env=env, log=log)
    assert second.wait(60) == 1
    assert f"Port {run.port} is in use" in log.read_text()
