"""SIGKILL of the worker at random moments."""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from chaos.context import in_flight
from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context


IN_A_CALL = 4  # the first and every fourth worker after it are killed in the middle of a call


def run(context: Context) -> None:
    """Killed workers lose nothing, and repeat at most what they had in flight."""
    context.side_by_side(_kill_over_and_over)


def _kill_over_and_over(context: Context) -> None:
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.03
    system = context.system(tweakwise.url)
    system.start_web()
    caught: set[str] = set()
    with Traffic(system.port, senders=1, pause=0.02) as shop:
        for number in range(context.rounds):
            worker = system.start_worker()
            time.sleep(random.uniform(0.0, 0.6))  # noqa: S311 - no secret
            with nullcontext() if number % IN_A_CALL else tweakwise.holding_a_call():
                kill_group(worker)
                caught |= in_flight(system)
    system.start_worker()
    context.figures |= {"kills": context.rounds, "in flight at a kill": len(caught)}
    context.expect(caught, "No worker was killed while it had anything.")
    context.sum_up(system, shop, tweakwise, caught)
