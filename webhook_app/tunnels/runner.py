"""Keeps one tunnel open: starts its program, reads what that says, and starts it again when it ends."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from webhook_app import logs
from webhook_app.errors import TunnelRefusedError
from webhook_app.processes.child_processes import end, follow_parent
from webhook_app.tunnels.base import TunnelFailed, TunnelOpened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhook_app.tunnels.base import Tunnel, TunnelOptions

OPEN_WITHIN = 30.0  # seconds from the program's start to its address
STOP_WITHIN = 3.0  # seconds
LOOK_EVERY = 0.2  # seconds between two looks whether to stop
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before it is started again
STEADY = 30.0  # seconds after which an open tunnel counts as a good one, and the pauses begin anew
LONGEST_LINE = 4096  # bytes


class TunnelRunner:
    """One tunnel, kept open until stop(). What happens is logged: `tunnel_open`, `tunnel_lost`."""

    def __init__(self, tunnel: Tunnel, options: TunnelOptions) -> None:
        """Raises TunnelRefusedError with what is wrong with the options, or how to get the program."""
        if faults := tunnel.faults(options):
            raise TunnelRefusedError(" ".join(faults))
        self._command = tunnel.command(options)
        if shutil.which(self._command[0]) is None:
            raise TunnelRefusedError(f"{self._command[0]} is not installed. {tunnel.install}")
        self._tunnel, self._options = tunnel, options
        self._url, self._opened_at = "", 0.0
        self._stopping = threading.Event()
        self._log = logs.logger()

    def run(self, ready: Callable[[], bool] = lambda: True) -> None:
        """Open it once `ready`, and return once stopped.

        Raises TunnelRefusedError when it does not open at first, or will not ever again.
        """
        while not self._stopping.is_set() and not ready():
            self._stopping.wait(LOOK_EVERY)
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            self._opened_at = 0.0
            why = self._once()
            if self._stopping.is_set():
                return
            if why.permanent or not self._url:
                raise TunnelRefusedError(f"{self._tunnel.name}: {why.hint}")
            if self._opened_at and time.monotonic() - self._opened_at >= STEADY:
                pause = FIRST_PAUSE
            self._log.warning("tunnel_lost", reason=why.hint, again_in=pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ask run() to end; may be called from a signal handler."""
        self._stopping.set()

    def _once(self) -> TunnelFailed:
        """Run the program until it ends; returns why."""
        last, refused, deadline = "", None, time.monotonic() + OPEN_WITHIN
        with self._running() as process:
            for line in self._lines(process, deadline):
                said = self._tunnel.read(line, self._options)
                if isinstance(said, TunnelOpened):
                    self._open(said.url)
                elif said and not self._opened_at and not (refused and refused.permanent):
                    refused = said
                if line and not line.startswith(self._tunnel.chatter):
                    last = line
        if refused:
            return refused
        late = not self._opened_at and time.monotonic() >= deadline
        ended = (
            f"it told no address within {OPEN_WITHIN:.0f} seconds"
            if late
            else f"it ended with exit code {process.returncode}"
        )
        return TunnelFailed(f"{ended}. {last}".strip())

    def _open(self, url: str) -> None:
        if self._opened_at and url == self._url:
            return
        same = url == self._url
        self._url, self._opened_at = url, time.monotonic()
        self._log.info("tunnel_opened", url=url, same=same)

    @contextmanager
    def _running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(  # noqa: S603 - the user's own command line
            self._command,
            stdin=subprocess.PIPE,  # held open and never written to: a service may take its end for ours
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # without a terminal nothing can ask for a password, and Ctrl-C is ours to handle
            preexec_fn=follow_parent,  # noqa: PLW1509 - this process has no other thread
        )
        try:
            yield process
        finally:
            end(process, STOP_WITHIN)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def _lines(self, process: subprocess.Popen[bytes], deadline: float) -> Iterator[str]:
        """Yield what it prints, line by line, until it ends, we are stopped, or `deadline` passes before it opens."""
        assert process.stdout is not None  # noqa: S101 - it was asked for
        ear, held, piece = process.stdout.fileno(), b"", b"\n"
        while piece and not self._stopping.is_set() and (self._opened_at or time.monotonic() < deadline):
            if select.select([ear], [], [], LOOK_EVERY)[0]:
                piece = os.read(ear, LONGEST_LINE)
                *lines, held = (held + (piece or b"\n")).split(b"\n")
                held = held[-LONGEST_LINE:]
                yield from (line.decode("utf-8", "replace").strip() for line in lines)
