"""A `run` or `dev` under way: the receiver, a worker and a sandbox on free ports."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support import processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

READY = "Ctrl-C stops everything."


@dataclass
class LocalStack:
    """The supervising process, its environment, the file of its output, and its ports."""

    process: subprocess.Popen[bytes]
    env: dict[str, str]
    log: Path
    port: int
    sandbox_port: int

    def children(self) -> list[int]:
        """Return every process that was started below it, grandchildren included."""
        return processes.below(self.process.pid)


@contextlib.contextmanager
def started(folder: Path, *arguments: str) -> Iterator[LocalStack]:
    """Start that command with the demo shops, wait until it is ready, and stop it after the block."""
    port, sandbox_port = processes.free_port(), processes.free_port()
    env = processes.environment(
        PORT=str(port), SANDBOX_FOLDER=str(folder), SHOPS_FILE="shops.demo.toml", WEB_CONCURRENCY="1"
    )
    log = folder / "log"
    with processes.running(*arguments, f"--sandbox-port={sandbox_port}", env=env, log=log) as process:
        processes.wait_for_text(READY, process, log)
        yield LocalStack(process, env, log, port, sandbox_port)
