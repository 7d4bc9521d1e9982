"""The order in which several processes start and stop together."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.processes import LONGEST, ROOT, environment, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CHILD = """
import signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
with open("events", "a", buffering=1) as events:
    events.write(f"{sys.argv[1]} started\\n")
    signal.sigwait({signal.SIGTERM})
    events.write(f"{sys.argv[1]} asked\\n")
    time.sleep(float(sys.argv[2]))
    events.write(f"{sys.argv[1]} ended\\n")
"""
PARENT = """
import sys
from pathlib import Path
from webhook_app.processes.supervisor import Supervisor
supervisor = Supervisor(Path.cwd())
supervisor.add("web", ["web", "0"], lambda: sys.argv[1] in Path("events").read_text(), module="child", reloads=True)
supervisor.add("worker", ["worker", "0.3"], module="child", reloads=True)
sys.exit(supervisor.run("ready"))
"""


def test_the_receiver_starts_first_and_stops_last(tmp_path: Path) -> None:
    """Webhooks wait for the start of the receiver alone, and not for the calls that a worker finishes."""
    stop_once(tmp_path, "worker started", ready="web")
    order = ["web started", "worker started", "worker asked", "worker ended", "web asked", "web ended"]
    assert (tmp_path / "events").read_text().splitlines() == order


def test_a_stop_during_the_start_is_no_failure(tmp_path: Path) -> None:
    """A host that stops what it has just started sees no error."""
    stop_once(tmp_path, "web started", ready="never")
    assert (tmp_path / "events").read_text().splitlines() == ["web started", "web asked", "web ended"]


def stop_once(folder: Path, event: str, *, ready: str) -> None:
    """Start both, stop them once an event was written, and expect the exit code 0."""
    (folder / "child.py").write_text(CHILD)
    (folder / "events").touch()
    env = {**environment(), "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, ready], cwd=folder, env=env)
    wait_for(lambda: event in (folder / "events").read_text())
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(LONGEST) == 0
