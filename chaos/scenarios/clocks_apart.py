"""Workers whose clocks differ by seconds, and a rolling restart with another LEASE."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from chaos.clock import Clock
from chaos.traffic import Traffic

if TYPE_CHECKING:
    import subprocess

    from chaos.context import Context
    from chaos.system import System

APART = (0, 5, -5)  # seconds from the true time, of three workers
LEASES = ("60s", "15s", "120s")
STEP, SHORT_STEP = 10.0, 1.0  # seconds from one worker's restart to the next one's
RESTARTS, SHORT_RESTARTS = 12, 1
STOPS_WITHIN = 15.0  # seconds
SWEEPS = "import webhook_app.delivery.worker as worker; worker.SWEEP_EVERY = 0.2"  # for a restart in every state


def run(context: Context) -> None:
    """Workers with clocks up to 10 seconds apart and different leases take nothing from each other."""
    context.on_both_engines(_apart)


def _apart(context: Context) -> None:
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.05
    system = context.system(tweakwise.url)
    system.start_web()
    clocks, leases = [_clock(context, seconds) for seconds in APART], itertools.cycle(LEASES)
    workers = [_worker(system, clock, next(leases)) for clock in clocks]
    restarts = SHORT_RESTARTS if context.short else RESTARTS
    with Traffic(system.port, senders=4, pause=context.pause(0.002)) as shop:
        for number in range(restarts):
            time.sleep(SHORT_STEP if context.short else STEP)
            which = number % len(workers)
            workers[which].terminate()
            context.expect(workers[which].wait(STOPS_WITHIN) == 0, "A worker did not stop well.")
            next(leases)  # so that each has another lease than before
            workers[which] = _worker(system, clocks[which], next(leases))
    context.figures["restarts"] = restarts
    context.sum_up(system, shop, tweakwise)
    context.expect('"lease_lost"' not in system.logged(), "A worker lost a lease although none was killed.")


def _clock(context: Context, seconds: int) -> Clock:
    folder = context.folder / f"clock-{seconds}"
    folder.mkdir()
    clock = Clock(folder)
    clock.put(seconds)
    return clock


def _worker(system: System, clock: Clock, lease: str) -> subprocess.Popen[bytes]:
    return system.start_worker(SWEEPS, LEASE=lease, **clock.variables)
