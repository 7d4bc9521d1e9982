"""Several processes as one: started together, stopped together, none left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from webhook_app.processes.child_processes import end, follow_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

READY_WITHIN = 30.0  # seconds
STOP_WITHIN = 12.0  # seconds; a worker takes up to 9 to finish what is in flight
LAST_WORDS = 2.0  # seconds to tell what the children still said
AWAITED = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}


@dataclass(slots=True)
class _Child:
    name: str
    arguments: Sequence[str]
    ready_url: str
    process: subprocess.Popen[bytes] | None = None

    def ended(self) -> bool:
        """Tell whether it has started and is no more."""
        return self.process is not None and self.process.poll() is not None


class Supervisor:
    """Runs `python -m webhook_app <arguments>` for each child, all in one process group of their own.

    Ctrl-C thus reaches only this process, which stops the children in order.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is where the children run; `environment` may be changed before run()."""
        self.environment = dict(os.environ)
        self._folder = folder
        self._children: list[_Child] = []
        self._output: int | None = None
        self._listener: threading.Thread | None = None

    def listen(self, hear: Callable[[int], None]) -> None:
        """Let a thread call `hear` with a descriptor, to be read to its end, of all that the children print."""
        ear, self._output = os.pipe()
        self._listener = threading.Thread(target=hear, args=(ear,), daemon=True)

    def add(self, name: str, arguments: Sequence[str], ready_url: str = "") -> None:
        """Add a child; it counts as ready when `ready_url` answers with 200."""
        self._children.append(_Child(name, arguments, ready_url))

    def run(self, banner: str) -> int:
        """Start all, print `banner` once they are ready, and return the exit code after all have stopped."""
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        try:
            for child in self._children:
                self._start(child)
            self._begin_to_listen()
            if not all(self._is_ready(child) for child in self._children):
                return self._blame()
            click.echo(banner)
            return self._wait()
        finally:
            self._stop()

    def _begin_to_listen(self) -> None:
        """Start the thread that listens only now: none may run while a child is made."""
        if self._listener and self._output is not None:
            os.close(self._output)  # the children alone hold it, so that it ends with them
            self._listener.start()

    def _start(self, child: _Child) -> None:
        first = self._children[0].process
        child.process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "webhook_app", *child.arguments],
            cwd=self._folder,
            env=self.environment,
            stdout=self._output,
            stderr=self._output,
            process_group=first.pid if first else 0,
            preexec_fn=follow_parent,  # noqa: PLW1509 - this process has no other thread
        )

    def _is_ready(self, child: _Child) -> bool:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and not self._any_ended() and not _stop_asked():
            if not child.ready_url or is_ready(child.ready_url):
                return True
            time.sleep(0.1)
        return False

    def _wait(self) -> int:
        """Wait for a signal; 0 when we were asked to stop, 1 when a child ended by itself."""
        while True:
            if signal.sigwait(AWAITED) is not signal.SIGCHLD:
                return 0
            if self._any_ended():
                return self._blame()

    def _any_ended(self) -> bool:
        return any(child.ended() for child in self._children)

    def _blame(self) -> int:
        ended = [child for child in self._children if child.ended()]
        for child in ended:
            code = child.process.returncode if child.process else None
            click.echo(f"{child.name} ended with exit code {code}; stopping the others.", err=True)
        if not ended and not _stop_asked():
            click.echo(f"Not ready within {READY_WITHIN:.0f} s; stopping.", err=True)
        return 1

    def _stop(self) -> None:
        for child in reversed(self._children):
            if child.process:
                end(child.process, STOP_WITHIN)
        if self._listener and self._listener.is_alive():
            self._listener.join(LAST_WORDS)


def is_ready(url: str) -> bool:
    """Tell whether `url` answers with 200 now."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - ours
        return bool(response.status == 200)  # noqa: PLR2004 - the one status that means ready
    return False


def _stop_asked() -> bool:
    return bool(signal.sigpending() & {signal.SIGINT, signal.SIGTERM})
