"""The system under test: web, worker and sandbox as processes of their own, on free ports and a fresh database."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from chaos import preload
from chaos.orders import SHOPS
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[1]
# What a developer may have set for a receiver of their own, and what would change how ours is started.
CONFIGURATION = ("DATABASE_URL", "SHOPS", "SHOPS_FILE", "TWEAKWISE_URL", "PORT", "DYNO", "GUNICORN_CMD_ARGS")
FULL = Path("/dev/full")  # takes no byte: https://man7.org/linux/man-pages/man4/full.4.html
STARTED = re.compile('"event": "(worker_)?started"')  # commit d89115b wrote the shorter one
RUN = "import runpy; runpy.run_module('webhook_app', run_name='__main__', alter_sys=True)"
READY_WITHIN = 60.0  # seconds; the machine may be shared
STOP_WITHIN = 30.0  # seconds, before a process that does not stop is killed
MIGRATING = threading.Lock()  # Alembic migrates one database at a time in a process


class NotReadyError(Exception):
    """A process ended, or did not answer, before the scenario began."""


class System:
    """Starts and stops the receiver's processes, each with a log in `folder`."""

    def __init__(self, folder: Path, tweakwise_url: str, database_url: str = "", **variables: str) -> None:
        """`variables` are more of the receiver's settings; without `database_url` it is a SQLite file in `folder`."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = database_url or f"sqlite:///{folder / 'inbox.db'}"
        inherited = {name: value for name, value in os.environ.items() if name not in CONFIGURATION}
        self.environment = {
            **inherited,
            "DATABASE_URL": self.database_url,
            "SHOPS": SHOPS,
            "TWEAKWISE_URL": tweakwise_url,
            "PORT": str(self.port),
            "LEASE": "15s",
            "RETRY_BASE": "100ms",
            "RETRY_CAP": "1s",
            "LOG_FORMAT": "json",
            **variables,
        }
        self.code = str(ROOT)
        self.speechless = False  # whether processes that start now cannot write a line of log
        self._running: list[subprocess.Popen[bytes]] = []

    def migrate(self) -> None:
        """Bring the database to the current schema: by a process where its code is another, or a library is loaded."""
        if self.code != str(ROOT) or preload.VARIABLE in self.environment:
            self.command("migrate")
            return
        with MIGRATING, self.inbox() as inbox:
            migrate.upgrade(inbox.database)

    def command(self, *arguments: str) -> int:
        """Run a command to its end; returns its exit code."""
        return self._start(*arguments).wait(READY_WITHIN)

    def start_web(self) -> subprocess.Popen[bytes]:
        """Start the receiver, and return once it is ready."""
        process = self._start("web")
        self._wait_for(process, lambda: answers(f"{self.url}/readyz"))
        return process

    def start_worker(self, patch: str = "", **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker, and return once it works: before that a signal ends it like any starting process.

        `patch` is Python that it executes first, `variables` are settings of this one alone.
        """
        log = self.log("worker")
        before = len(STARTED.findall(log.read_text())) if log.exists() else 0
        process = self._start("worker", patch=patch, variables=variables)
        if not self.speechless:
            self._wait_for(process, lambda: len(STARTED.findall(log.read_text())) > before)
        return process

    def log(self, name: str) -> Path:
        """Return where that process writes."""
        return self.folder / f"{name}.log"

    def logged(self) -> str:
        """Return what all processes wrote."""
        return "".join(log.read_text() for log in sorted(self.folder.glob("*.log")))

    @contextlib.contextmanager
    def inbox(self) -> Iterator[Inbox]:
        """Open the store beside the processes."""
        with contextlib.closing(Inbox(self.database_url)) as inbox:
            yield inbox

    def stop(self) -> None:
        """Stop what still runs, and kill what does not listen."""
        alive = [process for process in self._running if process.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        for process in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_WITHIN)
            kill_group(process)
        self._running.clear()

    def _start(
        self, *arguments: str, patch: str = "", variables: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.Popen[bytes]:
        with (FULL if self.speechless else self.log(arguments[0])).open("ab") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, *(["-c", f"{patch}\n{RUN}"] if patch else ["-m", "webhook_app"]), *arguments],
                cwd=self.code,
                env={**self.environment, **variables},
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # so that a kill can reach gunicorn's children too
            )
        self._running.append(process)
        return process

    def _wait_for(self, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise NotReadyError(self.logged()[-2000:])
            time.sleep(0.05)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children at once, the way a machine dies; returns when it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(url: str) -> bool:
    """Return whether `url` answers with 200 within a second."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - ours
        return bool(response.status == 200)  # noqa: PLR2004 - the one status that means ready
    return False


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
