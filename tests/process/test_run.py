"""`run`: starts the receiver, a worker and a sandbox, and stops them all."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support import local_stack, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.local_stack import LocalStack


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LocalStack]:
    """A `run --sandbox` that is ready."""
    with local_stack.started(tmp_path, "run", "--sandbox") as stack:
        yield stack


def test_the_banner_shows_the_next_steps(run: LocalStack) -> None:
    """It prints each shop's URL, the pages, and a command that works as it stands."""
    text = run.log.read_text()
    address = f"http://127.0.0.1:{run.port}/dashboard"
    assert f"Ready. Dashboard: {address}  (on this machine alone, without a password)\n" in text
    assert "Deliveries" in requests.get(address, allow_redirects=False, timeout=10).text
    assert f"http://127.0.0.1:{run.port}/webhooks/shopify/demo-shopify" in text
    assert f"http://127.0.0.1:{run.port}/webhooks/woocommerce/demo-woocommerce" in text
    assert f"http://127.0.0.1:{run.sandbox_port}/" in text
    command = re.findall(r"^Send a sample: +\S+ -m webhook_app (.+)$", text, re.MULTILINE)[0]
    another_terminal = processes.environment(SANDBOX_FOLDER=run.env["SANDBOX_FOLDER"])
    sample = processes.command(*command.split(), env=another_terminal)
    assert sample.returncode == 0, sample.stderr
    assert "state         delivered" in sample.stdout
    events = requests.get(f"http://127.0.0.1:{run.sandbox_port}/events", timeout=10).json()["events"]
    assert [event["event"] for event in events] == ["purchase"]
    assert processes.command("open", env=another_terminal).stdout == f"{address}\n"
    report = processes.command("send-sample", "shopify", "storefront/search", env=run.env)
    assert (report.returncode, '200 {"status": "stored"}' in report.stdout) == (0, True), report.stderr
    with pytest.raises(ConnectionRefusedError):  # on every address of this machine it would be reached there too
        socket.create_connection(("127.0.0.2", run.port))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(run: LocalStack, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM ends every process, with exit code 0 and without a stack trace."""
    children = run.children()
    assert len(children) >= 4
    run.process.send_signal(number)
    assert run.process.wait(processes.LONGEST) == 0
    assert processes.gone(children)
    assert "Traceback" not in run.log.read_text()
    assert [*run.log.parent.glob("*.json")] == []


def test_children_are_in_another_process_group(run: LocalStack) -> None:
    """Ctrl-C in a terminal reaches `run` alone, which stops the others in order."""
    groups = {os.getpgid(pid) for pid in run.children()}
    assert len(groups) == 1
    assert os.getpgid(run.process.pid) not in groups


def test_killed_run_leaves_nothing_behind(run: LocalStack) -> None:
    """Even after kill -9 of `run` the ports are free again."""
    children = run.children()
    run.process.kill()
    run.process.wait()
    assert processes.gone(children)


def test_a_child_that_ends_stops_the_others(run: LocalStack) -> None:
    """When one process ends, all end with exit code 1, and it prints which: the host can start it again."""
    children = run.children()
    worker = next(pid for pid in children if b"\0worker\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    assert run.process.wait(processes.LONGEST) == 1
    assert processes.gone(children)
    assert "worker ended with exit code -9" in run.log.read_text()


def test_runs_on_a_dyno(tmp_path: Path) -> None:
    """On Heroku `run` starts both in one dyno, and warns that its disk is temporary."""
    log = tmp_path / "log"
    port = processes.free_port()
    database = Path("var") / f"{tmp_path.name}.db"
    env = processes.environment(
        PORT=str(port),
        DYNO="web.1",
        DATABASE_URL=f"sqlite:///{database}",
        SHOPS_FILE="shops.demo.toml",
        WEB_CONCURRENCY="1",
    )
    with processes.running("run", env=env, log=log, ready=f"http://127.0.0.1:{port}/readyz"):
        pass
    for file in (processes.ROOT / "var").glob(f"{tmp_path.name}.db*"):
        file.unlink()
    assert "a dyno's disk is emptied" in log.read_text()


def test_a_port_in_use_is_reported(run: LocalStack, tmp_path: Path) -> None:
    """A second one on the same port ends, and prints the reason."""
    log = tmp_path / "second.log"
    env = {**run.env, "DATABASE_URL": f"sqlite:///{tmp_path / 'second.db'}"}
    second = processes.start("run", env=env, log=log)
    assert second.wait(processes.LONGEST) == 1
    assert f"Port {run.port} is in use" in log.read_text()
