"""A command of the receiver in a terminal, as a user starts it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

ESCAPE = "\x1b["


class Terminal:
    """The user's side of the terminal, and the command that runs in it."""

    def __init__(self, end: int, process: subprocess.Popen[bytes]) -> None:
        """`end` is the descriptor of the user's side."""
        self._end, self.process, self.text = end, process, ""

    def read_until(self, wanted: str) -> str:
        """Wait until the command has printed `wanted`; returns all that it printed so far."""
        deadline = time.monotonic() + processes.LONGEST
        while wanted not in self.text:
            assert time.monotonic() < deadline, self.text
            if select.select([self._end], [], [], 0.2)[0]:
                self.text += os.read(self._end, 4096).decode()
        return self.text

    def press(self, key: bytes) -> None:
        os.write(self._end, key)


@contextlib.contextmanager
def running(*arguments: str, env: dict[str, str], columns: int = 80) -> Iterator[Terminal]:
    """Run a command in a terminal of that width; it is killed after the block if it still runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {name: value for name, value in env.items() if name != "COLUMNS"}
    command = ["setsid", "--ctty", sys.executable, "-m", "webhook_app", *arguments]
    with subprocess.Popen(command, cwd=processes.ROOT, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        try:
            yield Terminal(ours, process)
        finally:
            process.kill()
            os.close(ours)
