"""The receiver on a database of the bench: its settings, its tables, and queries on them."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import order
from bench.paths import ROOT
from bench.processes import environment, finish

SHOP = "bench"
SHOPS = f"""[shops.{SHOP}]
platform = "shopify"
secrets = ["{order.SECRET}"]
instance_key = "bench001"
"""
ALL = "select count(*) from deliveries"
UNFINISHED = "select count(*) from deliveries where due_at is not null"
DELIVERED = "select count(*) from deliveries where state = 'delivered'"


@dataclass(frozen=True, slots=True)
class Program:
    """A receiver: the folder of its code, and the Python that runs it."""

    folder: Path = ROOT
    python: Path = Path(sys.executable)

    def command(self, *arguments: str) -> list[str | Path]:
        """Return the command line of one of its commands; it runs in its folder."""
        return [self.python, "-m", "webhook_app", *arguments]

    def settings(self, database: str, **more: str) -> dict[str, str]:
        """Return the environment of one of its processes."""
        return settings(database, PYTHONPATH=str(self.folder), **more)


PRESENT = Program()


def settings(database: str, **more: str) -> dict[str, str]:
    """Return the environment of one of the receiver's processes; everything that is not named keeps its default."""
    return environment(**{"DATABASE_URL": database, "SHOPS": SHOPS, **more})


def migrate(database: str, program: Program = PRESENT) -> None:
    """Make our tables."""
    finish(program.command("migrate"), program.settings(database), program.folder)


def count_rows(database: str, query: str) -> int:
    """Return the one number that a query on either engine gives."""
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"), timeout=10)) as reader:
            return int(reader.execute(query).fetchone()[0])
    with psycopg.connect(database) as connection:
        row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0
