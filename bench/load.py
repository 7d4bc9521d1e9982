"""The load: wrk with `order.lua`, closed loop or on a schedule."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import order
from bench.paths import BENCH
from bench.processes import environment, finish

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """The results of wrk: counts of all answers, of those from 400 on, of broken connections; times in milliseconds."""

    answered: int
    refused: int
    broken: int
    seconds: float
    p50: float
    p99: float
    max: float
    cpu: float

    @property
    def accepted(self) -> int:
        """The number of webhooks answered with 2xx."""
        return self.answered - self.refused

    @property
    def rate(self) -> float:
        """Accepted webhooks a second."""
        return self.accepted / self.seconds


def offer(url: str, seconds: float, folder: Path, connections: int = CONNECTIONS, rate: float | None = None) -> Load:
    """Post unique signed orders to `url`; as many as are answered, or `rate` a second. Time is in whole seconds."""
    body = folder / "order.json"
    body.write_bytes(order.body())
    env = environment(BODY=str(body), SECRET=order.SECRET, MARKER=str(order.ORDER_ID), FIRST_ID=str(order.first_id()))
    if rate:
        env["RATE"] = str(rate)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "10s"]
    before = _children_cpu()
    printed = finish([*command, "-s", BENCH / "order.lua", url], env)
    line = next(line for line in printed.splitlines() if line.startswith("RESULT "))
    return Load(**json.loads(line.removeprefix("RESULT ")), cpu=_children_cpu() - before)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
