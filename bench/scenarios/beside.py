"""This version beside an earlier commit, and beside itself on another Python: webhooks accepted, then delivered."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import engines, sinks
from bench.load import offer
from bench.paths import ROOT, VAR, workspace
from bench.processes import cpu_seconds, environment, finish
from bench.receiver_setup import ALL, DELIVERED, PRESENT, Program, count_rows
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from bench.scenarios.accept import WARM_UP, fault_of
from bench.scenarios.deliver import measured
from bench.senders import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.engines import Engine
    from bench.load import Load

COMMIT = os.environ.get("BESIDE", "d89115b")  # by default before sources, health checks, privacy and the rest
PYTHON = os.environ.get("BESIDE_PYTHON", "python3.13")
CONTESTANTS = {"present": "this commit", "before": f"commit {COMMIT}", "python": f"this commit on {PYTHON}"}
HIGHEST = 1.05  # times the processor time of the other
LEAST = 0.95  # times its rate


def on_sqlite(options: Options) -> list[Run]:
    """Measure the versions in turn, each on a new SQLite file."""
    return _rounds(options, engines.sqlite)


def on_postgres(options: Options) -> list[Run]:
    """Measure the versions in turn, each on a new database."""
    return _rounds(options, engines.postgresql)


def _rounds(options: Options, engine: Engine) -> list[Run]:
    with _earlier() as earlier:
        programs = {"present": PRESENT, "before": Program(earlier), **_other_python()}
        order = [[*programs], [*reversed(programs)]]  # none is always the last
        return [
            _turn(name, number, programs[name], engine, options.seconds)
            for number in range(options.rounds)
            for name in order[number % 2]
        ]


@contextmanager
def _earlier() -> Iterator[Path]:
    """Unpack the commit, whose packages must be those of the bench."""
    archive = subprocess.run(["git", "archive", COMMIT], cwd=ROOT, check=True, capture_output=True)  # noqa: S603, S607
    with workspace("commit") as folder, tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
        yield folder


def _other_python() -> dict[str, Program]:
    """Install the receiver on the other Python; nothing where there is none."""
    if not (interpreter := shutil.which(PYTHON)):
        sys.stderr.write(f"There is no {PYTHON} to compare with.\n")
        return {}
    home = VAR / f"venv-{PYTHON}"
    finish(["./setup.sh", home, "requirements.txt"], environment(PYTHON=interpreter))
    return {"python": Program(python=home / "bin" / "python")}


def _turn(name: str, number: int, program: Program, engine: Engine, seconds: float) -> Run:
    """Accept as much as there is, then let a worker deliver it; each has the machine for itself."""
    with workspace(name) as folder, engine(folder) as database, sinks.at_once(folder) as sink:
        with ours(database, folder, {}, program) as receiver:
            warm, before = offer(receiver.url, WARM_UP, folder), cpu_seconds(receiver.pid)
            load = offer(receiver.url, seconds, folder)
            used = cpu_seconds(receiver.pid) - before
        with worker(database, sink.url, folder, program=program) as process:
            delivery = measured(sink, warm.accepted + load.accepted, seconds, process.pid)
        fault = _fault(database, sink.count(), warm, load)
    accepted = {"accepted": load.rate, "p99": load.p99, "accept_cpu": 1000 * used / max(load.accepted, 1)}
    return Run(name, number, {**accepted, **delivery}, fault)


def _fault(database: str, came: int, *loads: Load) -> str:
    delivered = count_rows(database, DELIVERED)
    wrong = "" if delivered == came else f"{came} calls came, {delivered} are delivered"
    return fault_of(count_rows(database, ALL), *loads) or wrong


def _scenario(name: str, title: str, play: Callable[[Options], list[Run]]) -> Scenario:
    bounds = [("accepted", LEAST, None), ("accept_cpu", None, HIGHEST), ("rate", LEAST, None), ("cpu", None, HIGHEST)]
    return Scenario(
        name=name,
        title=f"Beside an earlier commit and another Python, {title}",
        about=(
            "The receiver accepts from 16 connections, then one worker delivers what came, to a sink that answers at "
            f"once. Commit {COMMIT} has the endpoint, the worker and the dashboard, without the capabilities since."
        ),
        contestants=CONTESTANTS,
        figures={
            "accepted": "accepted a second",
            "p99": "p99, ms",
            "accept_cpu": "CPU ms a webhook",
            "rate": "delivered a second",
            "cpu": "CPU ms a call",
        },
        targets=[
            *(Target("present", figure, "before", at_least=least, at_most=most) for figure, least, most in bounds),
            *(Target("python", figure, "present", at_least=LEAST) for figure in ("accepted", "rate")),
        ],
        play=play,
        usual=None,
        in_full=Options(rounds=5, seconds=4, full=True),
    )


SQLITE = _scenario("beside-sqlite", "SQLite", on_sqlite)
POSTGRES = _scenario("beside-postgres", "PostgreSQL", on_postgres)
