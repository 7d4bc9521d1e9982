"""What grows with the work: the cost of accepting and claiming beside many rows, and a worker's memory."""

from __future__ import annotations

import statistics
import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from bench import backlog, engines, receiver_setup, senders, sinks
from bench.load import offer
from bench.paths import workspace
from bench.processes import resident_mib
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from bench.scenarios.accept import WARM_UP, fault_of
from bench.scenarios.deliver import counted
from webhook_app.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.engines import Engine

FEW, MANY, MANY_IN_FULL = 1_000, 300_000, 5_000_000  # rows
BACKLOG, BACKLOG_IN_FULL = 15_000, 1_000_000  # deliveries
GROUP, GROUPS = 16, 60  # how many are claimed at a time, and how often
SAMPLE = 0.25  # seconds
SOME = 0.1  # share of the backlog before the first measurement of memory, and in the last one


def beside_many(engine: Engine, options: Options) -> list[Run]:
    """Measure a small and a large database in turn."""
    sizes = {"few": FEW, "many": MANY_IN_FULL if options.full else MANY}
    runs = []
    with workspace("growth") as folder:
        places = {name: folder / name for name in sizes}
        for place in places.values():
            place.mkdir()
        with engine(places["few"]) as few, engine(places["many"]) as many:
            databases = {"few": few, "many": many}
            for name, database in databases.items():
                _fill(database, sizes[name], places[name])
            for number in range(options.rounds):
                # Alternating which is first: the speed of a shared machine changes within a minute.
                for name, database in list(databases.items())[:: -1 if number % 2 else 1]:
                    runs.append(_turn(name, number, database, places[name], options.seconds))
    return runs


def _fill(database: str, rows: int, folder: Path) -> None:
    """Deliver one order as usual, and copy what is left of it."""
    receiver_setup.migrate(database)
    backlog.waiting(database, 1)
    with sinks.at_once(folder) as sink, senders.worker(database, sink.url, folder):
        sink.wait_for(1)
    backlog.settled(database, rows)


def _turn(name: str, number: int, database: str, folder: Path, seconds: float) -> Run:
    before = receiver_setup.count_rows(database, receiver_setup.ALL)
    with ours(database, folder, {}) as receiver:
        warm = offer(receiver.url, WARM_UP, folder)
        load = offer(receiver.url, seconds, folder)
    fault = fault_of(receiver_setup.count_rows(database, receiver_setup.ALL) - before, warm, load)
    figures = {"rows": float(before), "rate": load.rate, "p99": load.p99, "claim": _claim_milliseconds(database)}
    return Run(name, number, figures, fault)


def _claim_milliseconds(database: str) -> float:
    """Return the median over groups of what one group's claim takes."""
    taken = []
    with closing(Inbox(database)) as inbox:
        for _ in range(GROUPS):
            began = time.perf_counter()
            claimed = inbox.claim({receiver_setup.SHOP: GROUP})
            taken.append((time.perf_counter() - began) * 1000)
            if len(claimed) != GROUP:
                raise RuntimeError(f"{len(claimed)} instead of {GROUP} were claimed")
    return statistics.median(taken)


def memory(options: Options) -> list[Run]:
    """Watch one worker's memory while it empties a backlog."""
    return [_emptied(number, BACKLOG_IN_FULL if options.full else BACKLOG) for number in range(options.rounds)]


def _emptied(number: int, calls: int) -> Run:
    database_in = senders.sqlite_in
    with workspace("memory") as folder, sinks.at_once(folder) as sink:
        receiver_setup.migrate(database_in(folder))
        backlog.waiting(database_in(folder), calls)
        with senders.worker(database_in(folder), sink.url, folder) as process:
            samples = _samples(sink, calls, process.pid)
        fault = counted(database_in(folder), sink.count())
    return Run("ours", number, _levels(samples, calls), fault, series={"mib": list(samples.values())})


def _samples(sink: sinks.Sink, calls: int, pid: int) -> dict[int, float]:
    """Return the memory by how many calls had come."""
    samples: dict[int, float] = {}
    while (came := sink.count()) < calls:
        samples[came] = resident_mib(pid)
        time.sleep(SAMPLE)
    return samples


def _levels(samples: Mapping[int, float], calls: int) -> dict[str, float]:
    first = [mib for came, mib in samples.items() if SOME * calls <= came < 2 * SOME * calls]
    last = [mib for came, mib in samples.items() if came >= (1 - SOME) * calls]
    begin, end = statistics.median(first), statistics.median(last)
    return {"backlog": float(calls), "begin": begin, "end": end, "ratio": end / begin}


def _scenario(name: str, engine: str) -> Scenario:
    return Scenario(
        name=name,
        title=f"Cost beside many rows, {engines.TITLES[engine]}",
        about=(
            f"The same receiver on a database with {FEW:,} delivered rows and on one with {MANY:,} "
            f"({MANY_IN_FULL:,} with --full), in turns; then {GROUPS} claims of {GROUP}."
        ),
        contestants={"few": "few rows", "many": "many rows"},
        figures={"rows": "rows", "rate": "accepted a second", "p99": "p99, ms", "claim": f"claim of {GROUP}, ms"},
        targets=[Target("many", "rate", "few", at_least=0.9), Target("many", "claim", "few", at_most=1.1)],
        play=partial(beside_many, engines.ALL[engine]),
        usual=Options(rounds=2, seconds=3),
        in_full=Options(rounds=5, seconds=3, full=True),
    )


SQLITE = _scenario("growth-sqlite", "sqlite")
POSTGRES = _scenario("growth-postgres", "postgresql")
MEMORY = Scenario(
    name="memory",
    title="A worker's memory over a backlog",
    about=f"One worker empties {BACKLOG:,} deliveries ({BACKLOG_IN_FULL:,} with --full) in SQLite.",
    contestants={"ours": "ours"},
    figures={
        "backlog": "deliveries",
        "begin": "MiB after the first tenth",
        "end": "MiB in the last tenth",
        "ratio": "end / beginning",
    },
    targets=[Target("ours", "ratio", at_least=0.9, at_most=1.1)],
    play=memory,
    usual=Options(rounds=1, seconds=1),
    in_full=Options(rounds=1, seconds=1, full=True),
)
