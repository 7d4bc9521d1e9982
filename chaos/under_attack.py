"""Genuine orders beside an attack: how long they take, and how much of that is the receiver's work for the attacker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import processes
from chaos.attackers import attacking
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    import subprocess

    from chaos.context import Context
    from chaos.system import System

LONGEST = 1.0  # seconds of a web process's work that a genuine order may wait for
TIMEOUT = 10.0  # seconds of a request; an order that takes longer is a fault, however busy the machine is


def measure(  # noqa: PLR0913 - the receiver, and what the attack is
    context: Context, system: System, web: subprocess.Popen[bytes], kind: str, *, size: int, seconds: float
) -> Traffic:
    """Attack for so many seconds with `size` connections, and note how genuine orders fared.

    The machine may be busy with other things. So the limit is on the work of a web process during the slowest order:
    that is how long it would take with a core for each.
    """
    workers = processes.children(web.pid)
    began, worked = time.monotonic(), sum(map(processes.cpu_seconds, workers))
    with (
        attacking(kind, system.port, size),
        Traffic(system.port, senders=2, timeout=TIMEOUT, pause=context.pause(0.01)) as shop,
    ):
        time.sleep(seconds)
    share = (sum(map(processes.cpu_seconds, workers)) - worked) / (time.monotonic() - began) / max(len(workers), 1)
    took = shop.latencies()
    worst = took[-1] if took else float("inf")
    work = worst * share
    context.figures[kind] = f"p99 {quantile(took, 0.99) * 1000:.0f} ms slowest {worst * 1000:.0f} ms work {work:.2f} s"
    context.expect(work < LONGEST and not shop.refusals, f"{kind}: {context.figures[kind]}, {dict(shop.refusals)}")
    return shop
