"""The real thing: receiver, worker and sandbox as processes, on free ports of this machine."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from webhook_app.inbox import Inbox
from webhook_app.inbox import migrate as migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 90.0  # seconds; a bound for busy machines: a condition that comes true ends the wait at once
ROOT = Path(__file__).parents[2]
OWN_VARIABLES = (
    *("TWEAKWISE_PROXY", "CA_BUNDLE"),
    *("DATABASE_URL", "DATABASE_POOLER", "SPOOL", "SHOPS", "SHOPS_FILE"),
    *("METRICS_TOKEN", "METRICS_PORT", "PROMETHEUS_MULTIPROC_DIR", "ALERT_URL", "ALERT_SECRET", "ALERT_FORMAT"),
    *("ALERT_DIGEST", "HEARTBEAT_URL"),
    *("DASHBOARD_PASSWORD", "TRUSTED_PROXIES", "API_TOKEN"),
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "SENTRY_DSN"),
    *("SANDBOX_PORT", "SANDBOX_DATABASE_URL", "BIND"),
    *("TWEAKWISE_URL", "PORT", "LOG_LEVEL", "LOG_FORMAT", "DYNO"),
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def environment(**changed: str) -> dict[str, str]:
    """This process's environment without any configuration of the receiver but `changed`."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES} | changed


def start(*arguments: str, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "webhook_app", *arguments], cwd=ROOT, env=env, stdout=sink, stderr=sink
        )


def command(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the receiver to its end."""
    return subprocess.run(
        [sys.executable, "-m", "webhook_app", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def migrate(env: dict[str, str]) -> None:
    """Bring the database of an environment to the current schema, without a process."""
    with contextlib.closing(Inbox(env["DATABASE_URL"])) as inbox:
        migrations.upgrade(inbox.database)


@contextlib.contextmanager
def running(*arguments: str, env: dict[str, str], log: Path, ready: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the receiver until the block ends, then ask it to stop."""
    process = start(*arguments, env=env, log=log)
    try:
        if ready:
            wait_until_ready(ready, process, log)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(LONGEST)


def wait_until_ready(url: str, process: subprocess.Popen[Any], log: Path) -> None:
    """Return as soon as `url` answers with 2xx; fails with the output where the process ends before that."""

    def ready() -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, timeout=5).ok
        return False

    _wait_for_process(ready, process, log)


def wait_for_text(text: str, process: subprocess.Popen[Any], log: Path) -> None:
    """Return as soon as the output contains `text`; fails with the output where the process ends before that."""
    _wait_for_process(lambda: text in log.read_text(), process, log)


def _wait_for_process(happens: Callable[[], bool], process: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + LONGEST
    while not happens():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def wait_for(happens: Callable[[], bool], within: float = LONGEST) -> None:
    """Return as soon as it is true."""
    deadline = time.monotonic() + within
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def below(pid: int) -> list[int]:
    """Every process that was started below that one, grandchildren included."""
    left, found = [pid], list[int]()
    while left:
        number = left.pop()
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            inner = [int(one) for one in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
            found += inner
            left += inner
    return found


def gone(pids: list[int], within: float = LONGEST) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not [pid for pid in pids if is_alive(pid)]:
            return True
        time.sleep(0.1)
    return False


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes for the block, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
