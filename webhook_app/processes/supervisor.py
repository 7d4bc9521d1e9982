"""Runs several processes as one: starts them together, stops them together, and leaves none behind."""

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
OUTPUT_WITHIN = 2.0  # seconds to read the last output of the children
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD}


@dataclass(slots=True)
class _Child:
    name: str
    arguments: Sequence[str]
    ready_url: str
    process: subprocess.Popen[bytes] | None = None

    def ended(self) -> bool:
        """Return whether it has started and is no longer running."""
        return self.process is not None and self.process.poll() is not None


class Supervisor:
    """Runs `python -m webhook_app <arguments>` for each child, all in a separate process group.

    Ctrl-C therefore reaches only this process, which stops the children in order.
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

    def add(self, name: str, arguments: Sequence[str], ready_url: str = "") -> None:
        """Add a child; it is ready when `ready_url` answers with 200, without one as soon as it has started."""
        self._children.append(_Child(name, arguments, ready_url))

    def run(self, banner: str) -> int:
        """Start all children, print `banner` once they are ready, and return the exit code after all have stopped."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            for child in self._children:
                self._start(child)
            self._start_reader()
            if not all(self._is_ready(child) for child in self._children):
                return self._report_failure()
            click.echo(banner)
            return self._wait()
        finally:
            self._stop()

    def _start_reader(self) -> None:
        """Start the thread only after the children: no thread may run while a child is created."""
        if self._reader and self._output is not None:
            os.close(self._output)  # only the children hold it, so that it ends with them
            self._reader.start()

    def _start(self, child: _Child) -> None:
        first = self._children[0].process
        child.process = subprocess.Popen(  # noqa: S603 - a fixed command line
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
        while time.monotonic() < deadline and not self._any_ended() and not _stop_requested():
            if not child.ready_url or is_ready(child.ready_url):
                return True
            time.sleep(0.1)
        return False

    def _wait(self) -> int:
        """Wait for a signal; returns 0 if this process was asked to stop, 1 if a child ended by itself."""
        while True:
            if signal.sigwait(SIGNALS) is not signal.SIGCHLD:
                return 0
            if self._any_ended():
                return self._report_failure()

    def _any_ended(self) -> bool:
        return any(child.ended() for child in self._children)

    def _report_failure(self) -> int:
        ended = [child for child in self._children if child.ended()]
        for child in ended:
            code = child.process.returncode if child.process else None
            click.echo(f"{child.name} ended with exit code {code}; stopping the others.", err=True)
        if not ended and not _stop_requested():
            click.echo(f"Not ready within {READY_WITHIN:.0f} s; stopping.", err=True)
        return 1

    def _stop(self) -> None:
        for child in reversed(self._children):
            if child.process:
                end(child.process, STOP_WITHIN)
        if self._reader and self._reader.is_alive():
            self._reader.join(OUTPUT_WITHIN)


def is_ready(url: str) -> bool:
    """Return whether `url` answers with 200 now."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - a local address
        return bool(response.status == 200)  # noqa: PLR2004 - the one status that means ready
    return False


def _stop_requested() -> bool:
    return bool(signal.sigpending() & {signal.SIGINT, signal.SIGTERM})
