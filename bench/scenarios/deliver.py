"""Delivery by one worker process: to a sink that answers at once, and to one that takes 100 ms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench import backlog, receiver_setup, senders, sinks
from bench.paths import workspace
from bench.processes import cpu_seconds
from bench.scenario import Options, Run, Scenario, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bench.senders import Start

BEGIN = 200  # calls that a contestant may take to get into its stride
ENOUGH = {"ours": 6_000, "session": 4_000, "celery": 1_500, "prefork": 1_500, "huey": 3_000}  # calls a second, at most
TITLES = {
    "ours": "ours",
    "session": "requests.Session in 8 threads, no queue",
    "celery": "Celery, Redis, 8 threads",
    "prefork": "Celery, Redis, 8 processes",
    "huey": "huey, Redis, 8 threads",
}
STARTS: dict[str, Start] = {
    "ours": senders.ours,
    "session": senders.session_loop,
    "celery": senders.celery("threads"),
    "prefork": senders.celery("prefork"),
    "huey": senders.huey,
}
SLOW = 100.0  # milliseconds
THREADS = {"eight": 8, "many": 64}


def at_once(options: Options) -> list[Run]:
    """Measure the contestants in turn, each with a full queue."""
    return [
        _turn(name, number, start, options.seconds)
        for number in range(options.rounds)
        for name, start in STARTS.items()
    ]


def _turn(name: str, number: int, start: Start, seconds: float) -> Run:
    with workspace(name) as folder, sinks.at_once(folder) as sink:
        calls = BEGIN + int(ENOUGH[name] * seconds)
        with start(sink.url, calls, folder) as process:
            figures = measured(sink, calls, seconds, process.pid, lambda: process.poll() is None)
        came = sink.count()
        fault = counted(senders.sqlite_in(folder), came) if name == "ours" else ""
    return Run(name, number, figures, fault)


def measured(
    sink: sinks.Sink, calls: int, seconds: float, pid: int, still: Callable[[], bool] = lambda: True
) -> dict[str, float]:
    """Return how many calls come a second, from the first few on until the time is over or all are there."""
    began, cpu = sink.wait_for(BEGIN, still), cpu_seconds(pid)
    first = sink.count()
    last = first
    while time.monotonic() < began + seconds and last < calls and still():
        time.sleep(sinks.POLL)
        last = sink.count()
    took, used = time.monotonic() - began, cpu_seconds(pid) - cpu
    return {"rate": (last - first) / took, "cpu": 1000 * used / max(last - first, 1)}


def counted(database: str, came: int) -> str:
    """Return the fault of a run: after an orderly stop, deliveries and received calls must be equal."""
    delivered = receiver_setup.count_rows(database, receiver_setup.DELIVERED)
    return "" if delivered == came else f"{came} calls came, {delivered} are delivered"


def slow(options: Options) -> list[Run]:
    """Let workers of different sizes send to a sink that takes 100 ms."""
    return [
        _slow_turn(name, number, threads, options.seconds)
        for number in range(options.rounds)
        for name, threads in THREADS.items()
    ]


def _slow_turn(name: str, number: int, threads: int, seconds: float) -> Run:
    with workspace(name) as folder, sinks.recording(folder, SLOW) as sink:
        most = 1000 / SLOW * threads
        figures = _drained(sink, folder, {"WORKER_THREADS": str(threads)}, int(most * (seconds + 2)) + BEGIN, seconds)
        fault = counted(senders.sqlite_in(folder), sink.count())
    return Run(name, number, figures | {"share": figures["rate"] / most}, fault)


def _drained(sink: sinks.Sink, folder: Path, extra: Mapping[str, str], calls: int, seconds: float) -> dict[str, float]:
    database = senders.sqlite_in(folder)
    receiver_setup.migrate(database)
    backlog.waiting(database, calls)
    with senders.worker(database, sink.url, folder, extra) as process:
        return measured(sink, calls, seconds, process.pid)


AT_ONCE = Scenario(
    name="deliver",
    title="Delivery by one worker, the sink answers at once",
    about=(
        "Every contestant starts with a full queue: ours on SQLite (translating each order too), Celery and huey on a "
        "Redis that keeps nothing on disk. The sink is nginx. Celery has no beat, gossip or results."
    ),
    contestants=TITLES,
    figures={"rate": "calls a second", "cpu": "CPU ms a call"},
    targets=[
        Target("ours", "rate", "session", at_least=2.4),
        Target("ours", "rate", "celery", at_least=3),
        Target("ours", "rate", "prefork", at_least=3),
        Target("ours", "rate", "huey", at_least=3),
    ],
    play=at_once,
    usual=Options(rounds=2, seconds=3),
    in_full=Options(rounds=5, seconds=3, full=True),
)
SLOW_SINK = Scenario(
    name="deliver-slow",
    title="Delivery by one worker, the sink takes 100 ms",
    about="WORKER_THREADS calls are under way at a time, so 10 calls a second for each are the most there can be.",
    contestants={"eight": "8 threads", "many": "64 threads"},
    figures={"rate": "calls a second", "share": "share of the possible", "cpu": "CPU ms a call"},
    targets=[Target("eight", "share", at_least=0.9), Target("many", "share", at_least=0.9)],
    play=slow,
    usual=Options(rounds=1, seconds=5),
    in_full=Options(rounds=1, seconds=5, full=True),
)
