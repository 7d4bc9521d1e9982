"""Starts the receiver of `run` before anything else is loaded, so that both load their code at the same time.

Its process waits for its environment and its sockets, which `run` knows only once it has read the configuration, and
then goes on as any other. Where `run` ends instead, it ends too.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from webhook_app.processes.child_processes import follow_parent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CHANNEL = "WEBHOOKS_EARLY_START"  # the number of the socket at which the process waits
ROOT = Path(__file__).parents[2]
LENGTH = 8  # bytes of the environment's length
MAX_SOCKETS = 100


class EarlyProcess:
    """`python -m webhook_app <arguments>`, which loads its code and waits for release()."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Start it in a process group of its own; this process must have no other thread."""
        self.arguments = list(arguments)
        self._channel, other = socket.socketpair()
        with other:
            self.process = subprocess.Popen(  # noqa: S603 - a fixed command line
                [sys.executable, "-m", "webhook_app", *arguments],
                cwd=ROOT,
                env={**os.environ, CHANNEL: str(other.fileno())},
                pass_fds=[other.fileno()],
                process_group=0,
                preexec_fn=follow_parent,  # noqa: PLW1509 - no other thread, see above
            )

    def release(self, environment: Mapping[str, str], sockets: Sequence[socket.socket]) -> None:
        """Let it go on with this environment and these sockets; one that has ended is noticed as any other child."""
        sent = json.dumps(dict(environment)).encode()
        try:
            socket.send_fds(self._channel, [len(sent).to_bytes(LENGTH)], [one.fileno() for one in sockets])
            self._channel.sendall(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self._channel.close()


_started: list[EarlyProcess] = []


def begin(*arguments: str) -> None:
    """Start a process early."""
    _started.append(EarlyProcess(arguments))


def taken(arguments: Sequence[str]) -> EarlyProcess | None:
    """Return the process that was started early with these arguments, once; None where there is none."""
    found = next((one for one in _started if one.arguments == list(arguments)), None)
    if found:
        _started.remove(found)
    return found


def wait() -> list[socket.socket]:
    """Wait for release() where this process was started early, take over the environment, and return the sockets."""
    if not (number := os.environ.get(CHANNEL)):
        return []
    with socket.socket(fileno=int(number)) as channel:
        start, numbers, *_ = socket.recv_fds(channel, LENGTH, MAX_SOCKETS)
        received = channel.makefile("rb").read() if start else b""
    if not start or len(received) < int.from_bytes(start):
        sys.exit(0)
    os.environ.clear()
    os.environ.update(json.loads(received))
    return [socket.socket(fileno=one) for one in numbers]
