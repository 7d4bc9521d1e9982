"""Durable accept: how many webhooks a second are on disk before they are answered, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import disk, postgres
from bench.load import CONNECTIONS, Load, offer
from bench.paths import workspace
from bench.processes import cpu_seconds
from bench.receivers import flask, node, ours, ours_granian, stored
from bench.scenario import Options, Run, Scenario, Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.receivers import Start

WARM_UP = 1.0  # seconds
FSYNC = 2.0  # milliseconds
OURS = ("ours", "granian")
TITLES = {
    "ours": "ours",
    "granian": "ours under granian",
    "flask": "Flask by hand",
    "node": "Node with better-sqlite3",
    "sqlalchemy": "Flask with SQLAlchemy",
    "psycopg": "Flask with a psycopg pool",
}
FIGURES = {
    "rate": "accepted a second",
    "p50": "p50, ms",
    "p99": "p99, ms",
    "cpu": "CPU ms a webhook",
    "load_cpu": "CPU ms of the load",
}
ON_SQLITE: dict[str, Start] = {"ours": ours, "flask": flask("flask_sqlite"), "node": node, "granian": ours_granian}
ON_POSTGRES: dict[str, Start] = {
    "ours": ours,
    "sqlalchemy": flask("flask_sqlalchemy"),
    "psycopg": flask("flask_psycopg"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One contestant in one round, with its empty database."""

    name: str
    round: int
    start: Start
    database: str
    folder: Path


def on_sqlite(options: Options, extra: Mapping[str, str] | None = None) -> list[Run]:
    """Measure the contestants in turn, each on a new SQLite file."""
    runs = []
    for number in range(options.rounds):
        for name, start in ON_SQLITE.items():
            with workspace(name) as folder:
                database = f"sqlite:///{folder / 'inbox.db'}"
                runs.append(_measured(Entry(name, number, start, database, folder), options.seconds, extra or {}))
    return runs


def on_slow_disk(options: Options) -> list[Run]:
    """The same while every flush takes 2 ms."""
    return on_sqlite(options, disk.slow_disk(FSYNC))


def on_postgres(options: Options) -> list[Run]:
    """Measure the contestants in turn, each on a new database of one PostgreSQL server."""
    runs = []
    with postgres.server() as server:
        for number in range(options.rounds):
            for name, start in ON_POSTGRES.items():
                with workspace(name) as folder, server.database() as database:
                    runs.append(_measured(Entry(name, number, start, database, folder), options.seconds, {}))
    return runs


def _measured(entry: Entry, seconds: float, extra: Mapping[str, str]) -> Run:
    """Warm up, measure, stop, and count the rows."""
    with entry.start(entry.database, entry.folder, extra) as receiver:
        warm = offer(receiver.url, WARM_UP, entry.folder)
        before = cpu_seconds(receiver.pid)
        load = offer(receiver.url, seconds, entry.folder)
        cpu = cpu_seconds(receiver.pid) - before
    rows = stored(entry.database, "deliveries" if entry.name in OURS else "webhooks")
    return Run(entry.name, entry.round, figures_of(load, cpu), fault=fault_of(rows, warm, load))


def figures_of(load: Load, cpu: float) -> dict[str, float]:
    """Return the figures of an accept run; `cpu` are the receiver's seconds."""
    each = 1000 / max(load.accepted, 1)
    return {"rate": load.rate, "p50": load.p50, "p99": load.p99, "cpu": cpu * each, "load_cpu": load.cpu * each}


def fault_of(rows: int, *loads: Load) -> str:
    """Return the fault of a run: rows must equal the 2xx answers, plus at most those in flight at its ends."""
    promised = sum(load.accepted for load in loads)
    refused = sum(load.refused + load.broken for load in loads)
    if refused:
        return f"{refused} requests were refused or broken"
    if not promised <= rows <= promised + len(loads) * CONNECTIONS:
        return f"{promised} webhooks were answered with 2xx, {rows} are stored"
    return ""


SQLITE = Scenario(
    name="accept-sqlite",
    title="Durable accept, SQLite, 16 connections",
    about="Committed and flushed before the answer; two processes of eight threads each, Node one process.",
    contestants={name: TITLES[name] for name in ON_SQLITE},
    figures=FIGURES,
    targets=[
        Target("ours", "rate", "flask", at_least=1.8),
        Target("ours", "rate", "node", at_least=1),
        Target("ours", "p99", "node", at_most=2.5),
    ],
    play=on_sqlite,
    usual=Options(rounds=3, seconds=4),
    in_full=Options(rounds=5, seconds=4, full=True),
)
SLOW_DISK = Scenario(
    name="accept-slow-disk",
    title="Durable accept, SQLite, a flush takes 2 ms",
    about="The same contestants while every fsync and fdatasync takes at least 2 ms, as on a cloud's network disk.",
    contestants={name: TITLES[name] for name in ON_SQLITE},
    figures=FIGURES,
    targets=[
        Target("ours", "rate", "flask", at_least=2.4),
        Target("ours", "rate", "node", at_least=2.2),
        Target("ours", "p99", at_most=60),
    ],
    play=on_slow_disk,
    usual=Options(rounds=2, seconds=4),
    in_full=Options(rounds=5, seconds=4, full=True),
)
POSTGRES = Scenario(
    name="accept-postgres",
    title="Durable accept, PostgreSQL, 16 connections",
    about="One server with its defaults (fsync and synchronous_commit on), reached through a socket of this machine.",
    contestants={name: TITLES[name] for name in ON_POSTGRES},
    figures=FIGURES,
    targets=[
        Target("ours", "rate", "sqlalchemy", at_least=1.5),
        Target("ours", "rate", "psycopg", at_least=1.2),
        Target("ours", "p99", at_most=40),
    ],
    play=on_postgres,
    usual=Options(rounds=3, seconds=4),
    in_full=Options(rounds=5, seconds=4, full=True),
)
