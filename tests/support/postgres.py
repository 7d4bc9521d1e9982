"""A PostgreSQL server for the tests: one for each test process, a fresh database for each test."""

from __future__ import annotations

import itertools
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg

from chaos import postgres
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Power failures are not tested here, so nothing waits for the disk.
OPTIONS = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
TEMPLATE = "migrated"

_numbers = itertools.count(1)


class Server(postgres.Server):
    """A server that lives as long as the test process."""

    def __init__(self, folder: Path) -> None:
        """Start it, with a migrated database to copy."""
        super().__init__(folder, *OPTIONS)
        self.run(f"CREATE DATABASE {TEMPLATE}")
        with closing(Inbox(self.address_of(TEMPLATE))) as inbox:
            migrate.upgrade(inbox.database)

    def run(self, *statements: str) -> None:
        """Execute statements as the administrator."""
        self.run_in(self.address, *statements)

    def run_in(self, address: str, *statements: str) -> None:
        """Execute statements in that database, each in a transaction."""
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The address of an empty database that exists during the block."""
        self.check()
        name = f"inbox_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.address_of(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The address of a migrated database that exists during the block."""
        with self.database(TEMPLATE) as address:
            yield address

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the server for the block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend the server for the block: its connections stay open, and nothing answers."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()
