"""SIGKILL of the receiver at random moments: of one child, of all children, of everything at once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

from chaos import processes
from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    import subprocess

    from chaos.context import Context
    from chaos.system import System


CHILDREN = 0.8  # of the kills reach children alone; the last one reaches everything
NOTICED_WITHIN = 30.0  # seconds


def run(context: Context) -> None:
    """A killed receiver has stored what it answered with 2xx, and one that starts again takes the rest."""
    context.side_by_side(_kill_over_and_over)


def _kill_over_and_over(context: Context) -> None:
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url, WEB_CONCURRENCY="2")
    system.start_worker()
    web = system.start_web()
    with Traffic(system.port, senders=3, pause=0.02 if context.short else 0.0) as shop:
        for rest in reversed(range(context.rounds)):
            time.sleep(random.uniform(0.0, 0.6))  # noqa: S311 - no secret
            web = _kill_children(web) if rest and random.random() < CHILDREN else _kill(system, web, shop)  # noqa: S311 - no secret
    context.figures["kills"] = context.rounds
    context.expect(shop.refusals, "No sender ever noticed that the receiver was gone.")
    context.sum_up(system, shop, tweakwise)


def _kill(system: System, web: subprocess.Popen[bytes], shop: Traffic) -> subprocess.Popen[bytes]:
    """Kill everything, and start again once a sender noticed; returns the receiver that runs then."""
    before = shop.refusals.total()
    kill_group(web)
    processes.wait_for(lambda: shop.refusals.total() > before, NOTICED_WITHIN)
    return system.start_web()


def _kill_children(web: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Kill one child, all but one, or all; the master replaces them."""
    children = processes.children(web.pid)
    for pid in random.choice((children, children[:1], children[1:], children[:1])):  # noqa: S311 - no secret
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return web
