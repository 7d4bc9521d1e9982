"""Keeps one tunnel open: starts its program, reads its output, and starts it again when it ends."""

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
POLL_EVERY = 0.2  # seconds between two checks whether to stop
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before the program is started again
STABLE_AFTER = 30.0  # seconds for which a tunnel must be open before the pauses start from the first again
LONGEST_LINE = 4096  # bytes


class TunnelRunner:
    """One tunnel, kept open until stop(). Logs `tunnel_opened` and `tunnel_lost`."""

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
        """Open the tunnel once `ready` returns True; returns once stopped.

        Raises TunnelRefusedError if it does not open the first time, or cannot be opened again.
        """
        while not self._stopping.is_set() and not ready():
            self._stopping.wait(POLL_EVERY)
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            self._opened_at = 0.0
            failure = self._once()
            if self._stopping.is_set():
                return
            if failure.permanent or not self._url:
                raise TunnelRefusedError(f"{self._tunnel.name}: {failure.hint}")
            if self._opened_at and time.monotonic() - self._opened_at >= STABLE_AFTER:
                pause = FIRST_PAUSE
            self._log.warning("tunnel_lost", reason=failure.hint, again_in=pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ask run() to end; may be called from a signal handler."""
        self._stopping.set()

    def _once(self) -> TunnelFailed:
        """Run the program until it ends; returns why it ended."""
        last, failure, deadline = "", None, time.monotonic() + OPEN_WITHIN
        with self._running() as process:
            for line in self._lines(process, deadline):
                event = self._tunnel.read(line, self._options)
                if isinstance(event, TunnelOpened):
                    self._opened(event.url)
                elif event and not self._opened_at and not (failure and failure.permanent):
                    failure = event
                if line and not line.startswith(self._tunnel.chatter):
                    last = line
        if failure:
            return failure
        late = not self._opened_at and time.monotonic() >= deadline
        ended = (
            f"it printed no address within {OPEN_WITHIN:.0f} seconds"
            if late
            else f"it ended with exit code {process.returncode}"
        )
        return TunnelFailed(f"{ended}. {last}".strip())

    def _opened(self, url: str) -> None:
        if self._opened_at and url == self._url:
            return
        same = url == self._url
        self._url, self._opened_at = url, time.monotonic()
        self._log.info("tunnel_opened", url=url, same=same)

    @contextmanager
    def _running(self) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(  # noqa: S603 - the user's own command line
            self._command,
            stdin=subprocess.PIPE,  # kept open without writing: some services close the tunnel at the end of input
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # without a terminal, no password prompt; and Ctrl-C reaches only this process
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
        """Yield its output by lines, until it ends, stop() is called, or `deadline` passes before the tunnel opens."""
        assert process.stdout is not None  # noqa: S101 - it was opened with a pipe
        output, held, piece = process.stdout.fileno(), b"", b"\n"
        while piece and not self._stopping.is_set() and (self._opened_at or time.monotonic() < deadline):
            if select.select([output], [], [], POLL_EVERY)[0]:
                piece = os.read(output, LONGEST_LINE)
                *lines, held = (held + (piece or b"\n")).split(b"\n")
                held = held[-LONGEST_LINE:]
                yield from (line.decode("utf-8", "replace").strip() for line in lines)
