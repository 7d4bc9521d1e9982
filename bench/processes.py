"""The processes of a run: started with a known environment, waited for, measured, and ended by their own id."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from bench.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

READY_WITHIN = 30.0  # seconds
STOP_WITHIN = 20.0  # seconds
PR_SET_PDEATHSIG = 1  # prctl(2)
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
# Only these reach a process of a run: a setting of the person who runs the bench must not change a figure.
INHERITED = ("PATH", "HOME", "LANG", "TZ")


class NotReadyError(Exception):
    """A process did not start; its log says why."""


def environment(**given: str) -> dict[str, str]:
    """Return a small environment with `given` in it."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"PYTHONPATH": str(ROOT)} | given


@contextlib.contextmanager
def running(
    arguments: Sequence[str | Path],
    env: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool] | None = None,
    folder: Path = ROOT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a folder until the block ends, then ask it to stop. Raises NotReadyError."""
    with log.open("ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - the bench's own command lines
            arguments,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            preexec_fn=_follow_parent,  # noqa: PLW1509 - no other thread of this process holds a lock while we fork
        )
    try:
        if ready:
            _wait_until(ready, process, log)
        yield process
    finally:
        _stop(process)


def finish(arguments: Sequence[str | Path], env: Mapping[str, str], folder: Path = ROOT, **options: float) -> str:
    """Run a program in a folder to its end and return what it printed; raises CalledProcessError."""
    done = subprocess.run(  # noqa: S603 - the bench's own command lines
        arguments, cwd=folder, env=dict(env), check=True, capture_output=True, text=True, timeout=options.get("timeout")
    )
    return done.stdout


def answers(url: str) -> bool:
    """Return whether a GET of `url` is answered with 2xx."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - ours
        return bool(200 <= response.status < 300)  # noqa: PLR2004 - any 2xx
    return False


def listens(port: int) -> bool:
    """Return whether connections are accepted on `port`."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and its descendants, from /proc."""
    return sum(_cpu_of(each) for each in _family(pid))


def resident_mib(pid: int) -> float:
    """Return the memory of a process and its descendants."""
    pages = 0
    for each in _family(pid):
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_SIZE / 2**20


def _family(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text(encoding="ascii").split())
    return [pid, *(member for child in children for member in _family(child))]


def _cpu_of(pid: int) -> float:
    with contextlib.suppress(OSError):
        # What follows the name, which may hold blanks; utime and stime: proc_pid_stat(5).
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / TICKS
    return 0.0


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotReadyError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _follow_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
