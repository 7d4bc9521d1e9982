"""Child processes that end with their parent, and are stopped within a time limit."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)


def follow_parent() -> None:
    """Call this in a child before exec: unblock signals, and on Linux end with the parent even if that is killed."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    end_with_parent()


def end_with_parent() -> None:
    """Get SIGTERM when the parent ends, even if that is killed (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """Ask a child to stop, without waiting for it."""
    if process.poll() is None:
        process.terminate()


def end(process: subprocess.Popen[bytes], within: float) -> None:
    """Ask a child to stop, and kill it if it has not stopped `within` seconds."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
