"""The order in which several processes start and stop together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import LONGEST, ROOT, environment, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHILD = """
import os, signal, sys, time
from pathlib import Path
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
with open("events", "a", buffering=1) as events:
    events.write(f"{sys.argv[1]} started\\n")
    Path(sys.argv[1]).write_text(str(os.getpid()))
    signal.sigwait({signal.SIGTERM})
    events.write(f"{sys.argv[1]} asked\\n")
    time.sleep(float(sys.argv[2]))
    events.write(f"{sys.argv[1]} ended\\n")
"""
PARENT = """
import os, socket, sys
from pathlib import Path
sys.path.remove("")
from webhook_app.processes import supervisor as supervisors
supervisors.AGAIN_AFTER = float(sys.argv[2])
supervisor = supervisors.Supervisor(Path.cwd())
listener = socket.create_server(("127.0.0.1", int(os.environ.get("LISTEN", 0))))
listening = {"reloads": True, "sockets": [listener]}
supervisor.add("web", ["web", "0"], lambda: sys.argv[1] in Path("events").read_text(), module="child", **listening)
supervisor.add("worker", ["worker", "0.3"], module="child", reloads=True)
sys.exit(supervisor.run("ready"))
"""
PROGRAM = """
import sys, time
if "--check" in sys.argv:
    print("The configuration is valid.")
else:
    with open("events", "a") as events:
        events.write("migrate started\\n")
    time.sleep(600)
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


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_child_that_is_killed_is_started_again(tmp_path: Path, name: str) -> None:
    """As by a machine that lacks memory. The other one goes on, and what connects to the receiver meanwhile waits."""
    port = free_port()
    with started(tmp_path, ready="web", again_after=0, LISTEN=str(port)) as parent:
        wait_for(lambda: "worker started" in events(tmp_path))
        os.kill(child(tmp_path, name), signal.SIGKILL)
        with socket.create_connection(("127.0.0.1", port)):
            wait_for(lambda: events(tmp_path).count(f"{name} started") == 2)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(LONGEST) == 0
    other = {"web": "worker", "worker": "web"}[name]
    assert events(tmp_path).count(f"{other} started") == 1


@pytest.mark.parametrize(("again_after", "number"), [(60, signal.SIGKILL), (0, signal.SIGTERM)])
def test_a_child_that_cannot_go_on_stops_the_others(tmp_path: Path, again_after: float, number: int) -> None:
    """One that is killed soon after its start would be for ever, and one that was asked to stop has done so."""
    with started(tmp_path, ready="web", again_after=again_after) as parent:
        wait_for(lambda: "worker started" in events(tmp_path))
        os.kill(child(tmp_path, "worker"), number)
        assert parent.wait(LONGEST) == 1
    assert events(tmp_path)[-1] == "web ended"
    assert events(tmp_path).count("worker started") == 1


def test_a_stop_does_not_wait_for_the_migration_of_a_reload(tmp_path: Path) -> None:
    """It may take as long as there are rows; all of it is one transaction."""
    (tmp_path / "webhook_app").mkdir()
    (tmp_path / "webhook_app" / "__init__.py").touch()
    (tmp_path / "webhook_app" / "__main__.py").write_text(PROGRAM)
    with started(tmp_path, ready="web", again_after=0) as parent:
        wait_for(lambda: "worker started" in events(tmp_path))
        parent.send_signal(signal.SIGHUP)
        wait_for(lambda: "migrate started" in events(tmp_path))
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(LONGEST) == 0


def stop_once(folder: Path, event: str, *, ready: str) -> None:
    """Start both, stop them once an event was written, and expect the exit code 0."""
    with started(folder, ready=ready, again_after=0) as parent:
        wait_for(lambda: event in events(folder))
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(LONGEST) == 0


@contextmanager
def started(folder: Path, *, ready: str, again_after: float, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "child.py").write_text(CHILD)
    (folder / "events").touch()
    env = {**environment(), "PYTHONPATH": str(ROOT), **variables}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, ready, str(again_after)], cwd=folder, env=env)
    with ended(parent):
        yield parent


@contextmanager
def ended(parent: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        parent.kill()
        parent.wait()


def events(folder: Path) -> list[str]:
    return (folder / "events").read_text().splitlines()


def child(folder: Path, name: str) -> int:
    """The number of the child's process."""
    return int((folder / name).read_text())
