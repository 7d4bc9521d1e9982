"""Runs several processes as one: starts them together, stops them together, and leaves none behind."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from webhook_app import logs, reloading
from webhook_app.processes import early_start
from webhook_app.processes.child_processes import ask_to_end, end, follow_parent

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from pathlib import Path

STOP_WITHIN = 12.0  # seconds; a worker takes up to 9 to finish what is in flight
NEXT_AFTER = 5.0  # seconds that a child may take to stop until the one before it is asked to, too; hosts kill after 10
OUTPUT_WITHIN = 2.0  # seconds to read the last output of the children
POLL = 0.01  # seconds between two looks at whether a child has ended
AGAIN_AFTER = 5.0  # seconds that a child must have run to be started again, or one that cannot would be for ever
SIGNALS = {*reloading.SIGNALS, signal.SIGCHLD}


@dataclass(slots=True)
class _Child:
    name: str
    arguments: Sequence[str]
    is_ready: Callable[[], bool] | None
    reloads: bool
    sockets: Sequence[socket.socket]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0  # in monotonic seconds

    def ended(self) -> bool:
        """Return whether it has started and is no longer running."""
        return self.process is not None and self.process.poll() is not None

    def can_start_again(self) -> bool:
        """Return whether it was killed, as by a machine that lacks memory, and does its work without the others."""
        killed = self.process is not None and (self.process.poll() or 0) < 0
        return self.reloads and killed and time.monotonic() - self.started_at > AGAIN_AFTER

    def close_sockets(self) -> None:
        """Close this process's copies."""
        for one in self.sockets:
            one.close()


class Supervisor:
    """Runs `python -m <module> <arguments>` for each child, all in a separate process group.

    Ctrl-C therefore reaches only this process, which stops the children in order. SIGHUP is passed on to those that
    reload. One of these that is killed is started again, and what connects meanwhile waits: its sockets stay open here.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is the working directory of the children; `environment` may be changed before run()."""
        self.environment = dict(os.environ)
        self._folder = folder
        self._children: list[_Child] = []
        self._output: int | None = None
        self._reader: threading.Thread | None = None

    def capture_output(self, read: Callable[[int], None]) -> None:
        """Call `read` in a thread with a file descriptor of the children's output; it must read to the end."""
        source, self._output = os.pipe()
        self._reader = threading.Thread(target=read, args=(source,), daemon=True)

    def add(  # noqa: PLR0913 - everything that a child needs
        self,
        name: str,
        arguments: Sequence[str],
        is_ready: Callable[[], bool] | None = None,
        *,
        module: str = "webhook_app",
        reloads: bool = False,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        """Add a child, which gets SIGHUP if it `reloads`; `sockets` are handed over to it.

        Children without `is_ready` start once the others are ready, which need the processors first.
        """
        self._children.append(_Child(name, ["-m", module, *arguments], is_ready, reloads, sockets))

    def run(self, banner: str) -> int:
        """Start all children, print `banner` once they are ready, and return the exit code after all have stopped."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        awaited = [child for child in self._children if child.is_ready]
        try:
            self._start_all(awaited)
            if not all(self._is_ready(child) for child in awaited):
                return self._report_failure() if self._any_ended() or not _stop_requested() else 0
            self._start_all([child for child in self._children if not child.is_ready])
            self._start_reader()
            click.echo(banner)
            return self._wait()
        finally:
            self._start_reader()
            self._stop()

    def _start_all(self, children: Sequence[_Child]) -> None:
        for child in children:
            self._start(child)

    def _start_reader(self) -> None:
        """Start the thread only after the children: no thread may run while a child is created."""
        if self._reader and self._output is not None:
            os.close(self._output)  # only the children hold it, so that it ends with them
            self._output = None
            self._reader.start()

    def _start(self, child: _Child) -> None:
        if early := early_start.taken(child.arguments[2:]):
            early.release(self.environment, child.sockets)
            child.process = early.process
        else:
            child.process = self._started(child)
        child.started_at = time.monotonic()

    def _started(self, child: _Child) -> subprocess.Popen[bytes]:
        others = [one.process.pid for one in self._children if one.process and not one.ended()]
        return subprocess.Popen(  # noqa: S603 - a fixed command line
            [sys.executable, *child.arguments],
            cwd=self._folder,
            env=self.environment,
            stdout=self._output,
            stderr=self._output,
            pass_fds=[one.fileno() for one in child.sockets],
            process_group=os.getpgid(others[0]) if others else 0,
            preexec_fn=follow_parent,  # noqa: PLW1509 - this process has no other thread
        )

    def _is_ready(self, child: _Child) -> bool:
        """Wait without a limit, since a migration of many rows takes long; a child that cannot start ends."""
        while not self._any_ended() and not _stop_requested():
            if child.is_ready and child.is_ready():
                return True
            time.sleep(0.1)
        return False

    def _wait(self) -> int:
        """Wait for a signal; returns 0 if this process was asked to stop, 1 if a child ended by itself."""
        while True:
            match signal.sigwait(SIGNALS):
                case signal.SIGCHLD:
                    if not self._start_again():
                        return self._report_failure()
                case signal.SIGHUP if not reloading.terminal_was_closed():
                    self._reload()
                case _:
                    return 0

    def _reload(self) -> None:
        """Migrate for code that is new, and let the children reload; nothing changes where they could not start."""
        if faults := reloading.faults_of("web", stops=_stop_requested):
            logs.logger().error("reload_refused", process="run", faults=faults)
            return
        self._migrate()
        for child in self._children:
            if child.process and child.reloads:
                child.process.send_signal(signal.SIGHUP)

    def _migrate(self) -> None:
        """Migrate without a limit, but let no stop wait for it: a migration that is killed leaves nothing behind."""
        line = [sys.executable, "-m", "webhook_app", "migrate"]
        with subprocess.Popen(line, cwd=self._folder, env=self.environment, stdout=subprocess.DEVNULL) as migrating:  # noqa: S603 - a fixed command line
            while migrating.poll() is None and not _stop_requested():
                time.sleep(POLL)
            migrating.kill()  # which has no effect once it has ended; other signals are blocked, as here

    def _start_again(self) -> bool:
        """Start what was killed; returns whether no child is left that has ended."""
        ended = [child for child in self._children if child.ended()]
        if self._reader or not all(child.can_start_again() for child in ended):  # see _start_reader()
            return not ended
        for child in ended:
            logs.logger().error("process_restarted", process=child.name)
            self._start(child)
        return True

    def _any_ended(self) -> bool:
        return any(child.ended() for child in self._children)

    def _report_failure(self) -> int:
        ended = [child for child in self._children if child.ended()]
        for child in ended:
            code = child.process.returncode if child.process else None
            click.echo(f"{child.name} ended with exit code {code}; stopping the others.", err=True)
        return 1

    def _stop(self) -> None:
        """Stop the children, the last one first: the receiver still serves while the worker finishes its calls."""
        for child in self._children:
            child.close_sockets()
        started = [child.process for child in reversed(self._children) if child.process]
        for process in started:
            ask_to_end(process)
            _wait_for(process, NEXT_AFTER)
        for process in started:
            end(process, STOP_WITHIN)
        if self._reader and self._reader.is_alive():
            self._reader.join(OUTPUT_WITHIN)
        gc.freeze()  # Python would look through all that was loaded before it ends, and the next start may wait for it


def is_ready(url: str) -> bool:
    """Return whether `url`, of this machine, answers with 200 now; never asked through a proxy."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=1)
    with contextlib.suppress(OSError, HTTPException), contextlib.closing(connection):
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200  # noqa: PLR2004 - the one status that means ready
    return False


def _wait_for(process: subprocess.Popen[bytes], within: float) -> None:
    """Wait for so many seconds that a child ends; Popen.wait() would notice it up to 0.05 seconds later."""
    until = time.monotonic() + within
    while process.poll() is None and time.monotonic() < until:
        time.sleep(POLL)


def _stop_requested() -> bool:
    return bool(signal.sigpending() & reloading.STOPS)
