"""From the 2xx to the call at Tweakwise, at a rate that is easy for both."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bench import engines, senders, sinks
from bench.paths import workspace
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from bench.scheduled_load import post_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.engines import Engine

RATE = 100.0  # events a second
WARM_UP = 1.0  # seconds


def play(options: Options) -> list[Run]:
    """Measure on one engine after the other."""
    return [
        _turn(name, number, engine, options.seconds)
        for number in range(options.rounds)
        for name, engine in engines.ALL.items()
    ]


def _turn(name: str, number: int, engine: Engine, seconds: float) -> Run:
    with workspace("latency") as folder, engine(folder) as database, sinks.recording(folder) as sink:
        with ours(database, folder, {}) as receiver, senders.worker(database, sink.url, folder):
            warm = post_at(receiver.url, RATE, WARM_UP)
            answered = post_at(receiver.url, RATE, seconds)
            sink.wait_for(len(warm) + len(answered))
        came = _times(folder / "calls.txt")
    fault = "" if sorted(came) == sorted([*warm, *answered]) else "what came is not what was answered with 2xx"
    return Run(name, number, {} if fault else _figures(answered, came), fault)


def _figures(answered: Mapping[int, float], came: Mapping[int, float]) -> dict[str, float]:
    taken = sorted(1000 * (came[order] - at) for order, at in answered.items())
    return {"p50": statistics.median(taken), "p99": taken[int(len(taken) * 0.99)], "max": taken[-1]}


def _times(record: Path) -> dict[int, float]:
    """Return when each order's call came; raises ValueError when one came twice."""
    lines = [line.split() for line in record.read_text(encoding="ascii").splitlines()]
    times = {int(order): float(at) for order, at in lines}
    if len(times) != len(lines):
        raise ValueError(f"{len(lines)} calls came for {len(times)} orders")
    return times


SCENARIO = Scenario(
    name="latency",
    title="From 2xx to the call, 100 events a second",
    about="From the moment the load has its answer to the moment the sink has the whole call, worker idle in between.",
    contestants=engines.TITLES,
    figures={"p50": "p50, ms", "p99": "p99, ms", "max": "longest, ms"},
    targets=[
        target
        for name in engines.TITLES
        for target in (Target(name, "p50", at_most=50), Target(name, "p99", at_most=250))
    ],
    play=play,
    usual=Options(rounds=1, seconds=10),
    in_full=Options(rounds=1, seconds=10, full=True),
)
