"""SIGKILL of the receiver and of the worker at random moments, the inbox in PostgreSQL."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from chaos.context import in_flight
from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context

SHARE = 8  # of the rounds that the scenarios on SQLite have


def run(context: Context) -> None:
    """In PostgreSQL too, killed processes lose nothing, and repeat at most what they had in flight."""
    context.postgres()
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.03
    system = context.system(tweakwise.url)
    kills = max(context.rounds // SHARE, 2)
    caught: set[str] = set()
    with Traffic(system.port, senders=2, pause=0.02) as shop:
        for _ in range(kills):
            web, worker = system.start_web(), system.start_worker()
            time.sleep(random.uniform(0.0, 1.0))  # noqa: S311 - no secret
            kill_group(random.choice((web, worker)))  # noqa: S311 - no secret
            kill_group(worker)
            caught |= in_flight(system)
            kill_group(web)
    system.start_worker()
    context.figures |= {"kills": kills, "in flight at a kill": len(caught)}
    context.sum_up(system, shop, tweakwise, caught)
