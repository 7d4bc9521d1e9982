"""All at once: receiver, worker, load and sink on the same cores, at the highest rate with a flat backlog."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from bench import engines, receiver_setup, senders, sinks
from bench.load import Load, offer
from bench.paths import workspace
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.engines import Engine

CONNECTIONS = 32  # enough that the schedule, and not the connections, sets the rate
LOWEST, HIGHEST = 500, 8_000  # events a second, between which the rate is searched
PROBES, PROBE = 7, 4.0  # how many, which is to 2 %, and the seconds of each
TRIES = 2  # of a rate, before it is too high: machines that are shared have their moments
BEHIND = 0.2  # seconds' worth of events that may wait in a probe; more would grow in a minute
MARGIN = 0.95  # of the highest rate that a probe found
SAMPLE = 1.0  # seconds
EMPTY_WITHIN = 30.0  # seconds
FIGURES = {
    "rate": "delivered a second",
    "accepted": "accepted a second",
    "behind": "most that waited in the second half, in seconds' worth",
    "p99": "p99 of the answer, ms",
}


def play(engine: Engine, options: Options) -> list[Run]:
    """Search the rate, then hold it."""
    return [_turn(engine, number, options.seconds) for number in range(options.rounds)]


def _turn(engine: Engine, number: int, seconds: float) -> Run:
    with workspace("together") as folder, engine(folder) as database, sinks.at_once(folder) as sink:
        with ours(database, folder, {}) as receiver, senders.worker(database, sink.url, folder):
            offer(receiver.url, 1, folder)  # so that no process is measured while it starts
            rate = MARGIN * _found(partial(_holds, receiver.url, folder, database))
            _drain(database)
            before, rows = sink.count(), receiver_setup.count_rows(database, receiver_setup.ALL)
            load, waiting = _watched(receiver.url, seconds, folder, database, rate)
            figures = {
                "rate": (sink.count() - before) / load.seconds,
                "accepted": load.rate,
                "behind": max(waiting[len(waiting) // 2 :]) / load.rate,
                "p99": load.p99,
            }
            _drain(database)
        fault = _fault(database, sink.count(), receiver_setup.count_rows(database, receiver_setup.ALL) - rows, load)
    return Run("ours", number, figures, fault, series={"waiting": waiting})


def _found(holds: Callable[[float], bool]) -> float:
    """Return the highest rate that holds, by halving."""
    low, high = float(LOWEST), float(HIGHEST)
    for _ in range(PROBES):
        middle = (low * high) ** 0.5
        held = any(holds(middle) for _ in range(TRIES))
        low, high = (middle, high) if held else (low, middle)
    return low


def _holds(url: str, folder: Path, database: str, rate: float) -> bool:
    """Return whether the receiver accepts that rate and the worker delivers it."""
    _drain(database)
    load, waiting = _watched(url, PROBE, folder, database, rate)
    return load.rate >= MARGIN * rate and is_flat(waiting, rate)


def is_flat(waiting: list[float], rate: float) -> bool:
    """Return whether the backlog stays small: in the second half never more than a fifth of a second's events wait."""
    return max(waiting[len(waiting) // 2 :]) <= rate * BEHIND


def _watched(url: str, seconds: float, folder: Path, database: str, rate: float) -> tuple[Load, list[float]]:
    """Offer load, and count the waiting deliveries once a second."""
    waiting: list[float] = []
    over = threading.Event()

    def count() -> None:
        while not over.wait(SAMPLE):
            waiting.append(float(receiver_setup.count_rows(database, receiver_setup.UNFINISHED)))

    watcher = threading.Thread(target=count)
    watcher.start()
    try:
        load = offer(url, seconds, folder, CONNECTIONS, rate)
    finally:
        over.set()
        watcher.join()
    return load, waiting


def _drain(database: str) -> None:
    deadline = time.monotonic() + EMPTY_WITHIN
    while receiver_setup.count_rows(database, receiver_setup.UNFINISHED) and time.monotonic() < deadline:
        time.sleep(0.1)


def _fault(database: str, came: int, rows: int, load: Load) -> str:
    delivered, left = (
        receiver_setup.count_rows(database, receiver_setup.DELIVERED),
        receiver_setup.count_rows(database, receiver_setup.UNFINISHED),
    )
    if load.refused or load.broken:
        return f"{load.refused} requests were refused, {load.broken} connections broke"
    if left or delivered != came:
        return f"{came} calls came, {delivered} are delivered, {left} are unfinished"
    if rows < load.accepted:
        return f"{load.accepted} webhooks were answered with 2xx, {rows} are stored"
    return ""


def _scenario(name: str, title: str, engine: Engine, rate: float) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        about=(
            "Receiver (two processes of eight threads), one worker, load generator, sink and database share the cores. "
            "Short probes look for the highest rate at which the backlog stays flat; 95 % of that is held."
        ),
        contestants={"ours": "ours"},
        figures=FIGURES,
        targets=[Target("ours", "rate", at_least=rate, every=True), Target("ours", "behind", at_most=1, every=True)],
        play=partial(play, engine),
        usual=Options(rounds=1, seconds=20),
        in_full=Options(rounds=5, seconds=60, full=True),
    )


SQLITE = _scenario("together-sqlite", "All at once, SQLite", engines.sqlite, 2000)
POSTGRES = _scenario("together-postgres", "All at once, PostgreSQL", engines.postgresql, 1800)
