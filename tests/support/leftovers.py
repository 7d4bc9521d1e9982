"""Ends every process that a test run started and deletes its folder once the run is gone, even after kill -9.

The run's folder is named in an environment variable that everything inherits. A guard in another session waits
for the end of a pipe that the run holds open, which no way to die prevents, and then kills what carries the variable.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

MARK = "WEBHOOK_TEST_RUN"
ROUNDS = 3  # while one process is killed, another may start the next
PROC = Path("/proc")


def guard() -> None:
    """Make the run's folder and start the guard, in the first process of a run."""
    if MARK in os.environ:
        return
    folder = Path(tempfile.mkdtemp(prefix="webhook-tests-"))
    folder.chmod(0o755)
    read, _ = os.pipe()  # the other end is closed with this process
    command = [sys.executable, "-I", __file__, str(folder)]
    os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)], setsid=True)
    os.close(read)
    os.environ[MARK] = str(folder)


def folder(name: str) -> Path:
    """Return a new folder that other users of this machine may enter.

    They may not enter pytest's: every run of pytest that begins closes all of them to other users.
    """
    made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ[MARK]))
    made.chmod(0o755)
    return made


def marked(mark: str) -> set[int]:
    """Return all processes that carry the mark, and all below them: some programs overwrite their environment."""
    carriers = {int(process.name) for process in PROC.glob("[0-9]*") if _carries(process, mark)}
    return carriers.union(*map(_below, carriers)) - {os.getpid()}


def _carries(process: Path, mark: str) -> bool:
    with suppress(OSError):
        return f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0")
    return False


def _below(pid: int) -> set[int]:
    with suppress(OSError):
        children = {int(child) for child in (PROC / f"{pid}/task/{pid}/children").read_text(encoding="ascii").split()}
        return children.union(*map(_below, children))
    return set()


def _clean_up(mark: str) -> None:
    for _ in range(ROUNDS):
        for pid in marked(mark):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    shutil.rmtree(mark, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    _clean_up(sys.argv[1])
