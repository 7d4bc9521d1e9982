"""A restart of the receiver behind a socket that systemd holds."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import processes
from tests.support.recordings import ORDER, as_toml, shop_keys
from webhook_app import reloading

if TYPE_CHECKING:
    from collections.abc import Iterator

# What systemd does: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
ACTIVATED = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execv(sys.executable, [sys.executable, '-m', 'webhook_app', 'web', '--migrate'])"
)


def test_webhooks_wait_for_a_receiver_that_loads_once(tmp_path: Path) -> None:
    """What arrives between two starts is answered by the second, which becomes no other program meanwhile."""
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{tmp_path / 'inbox.db'}",
        SHOPS=as_toml("shop", shop_keys("shopify")),
        WEB_CONCURRENCY="1",
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for status in (b'"status": "stored"', b'"status": "duplicate"'):
            with sent_webhook(listener) as client, started(listener, env, tmp_path / "log") as process:
                with client.makefile("rb") as answer:
                    text = answer.read()
                assert (text[:15], status in text) == (b"HTTP/1.1 200 OK", True)
                assert b"\0webhook_app\0web\0" in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_a_reload_ends_no_worker_that_is_starting(tmp_path: Path) -> None:
    """SIGHUP waits until the worker can reload: `run` passes it on to one that it has just started."""
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{tmp_path / 'inbox.db'}", SHOPS=as_toml("shop", shop_keys("shopify"))
    )
    log = tmp_path / "log"
    with processes.running("worker", "--migrate", env=env, log=log) as process:
        processes.wait_for(lambda: holds_back_hangups(process.pid))
        process.send_signal(signal.SIGHUP)
        processes.wait_for_text("reload_accepted", process, log)


def test_signals_for_other_servers_end_no_process(tmp_path: Path) -> None:
    """Log rotation often sends SIGUSR1; a SIGHUP or Ctrl-C that reaches every process is for those that take it."""
    port, log = processes.free_port(), tmp_path / "log"
    env = processes.environment(
        DATABASE_URL=f"sqlite:///{tmp_path / 'inbox.db'}",
        SHOPS=as_toml("shop", shop_keys("shopify")),
        WEB_CONCURRENCY="1",
        PORT=str(port),
    )
    with processes.running("run", env=env, log=log) as process:
        processes.wait_for_text("worker_started", process, log)
        started = [process.pid, *processes.below(process.pid)]
        ignored = {pid: signals_of(pid, "SigIgn") for pid in started}
        serving = [pid for pid in started if parent(pid) not in (process.pid, parent(process.pid))]
        assert all(set(reloading.IGNORED) - {signal.SIGWINCH} <= found for found in ignored.values())
        assert [{signal.SIGHUP, signal.SIGINT} <= ignored[pid] for pid in serving] == [True]


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def holds_back_hangups(pid: int) -> bool:
    return signal.SIGHUP in signals_of(pid, "SigBlk")


def signals_of(pid: int, name: str) -> set[int]:
    """The signals in a mask of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")), 16)
    return {number for number in signal.valid_signals() if mask & 1 << number - 1}


@contextmanager
def sent_webhook(listener: socket.socket) -> Iterator[socket.socket]:
    """A connection over which a webhook was sent, although nothing accepts it yet."""
    with socket.create_connection(listener.getsockname()) as client:
        client.settimeout(processes.LONGEST)
        lines = {"Host": "x", "Connection": "close", "Content-Length": len(ORDER.body), **ORDER.sent_headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        client.sendall(f"POST /webhooks/shopify/shop HTTP/1.1\r\n{head}\r\n".encode() + ORDER.body)
        yield client


@contextmanager
def started(listener: socket.socket, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", ACTIVATED, str(listener.fileno())]
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, cwd=processes.ROOT, env=env, stdout=sink, stderr=sink, pass_fds=[listener.fileno()]
        )
    try:
        yield process
    finally:
        process.terminate()
        assert process.wait(processes.LONGEST) == 0
