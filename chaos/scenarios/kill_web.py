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

    from chaos.stage import Stage
    from chaos.system import System


def run(stage: Stage) -> None:
    """A killed receiver has stored what it answered with 2xx, and one that starts again takes the rest."""
    stage.side_by_side(_kill_over_and_over)


def _kill_over_and_over(stage: Stage) -> None:
    tweakwise = stage.tweakwise()
    system = stage.system(tweakwise.url)
    system.start_worker()
    web = system.start_web()
    with Traffic(system.port, senders=3) as shop:
        for _ in range(stage.rounds):
            time.sleep(random.uniform(0.0, 0.6))  # noqa: S311 - no secret
            web = _kill(system, web)
    stage.figures["kills"] = stage.rounds
    stage.expect(shop.refusals, "No sender ever noticed that the receiver was gone.")
    stage.sum_up(system, shop, tweakwise)


def _kill(system: System, web: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Kill everything, or children alone, which the master replaces; returns the receiver that runs then."""
    children = processes.children(web.pid)
    victims = random.choice((children, children[:1], children[1:], children[:1], None))  # noqa: S311 - no secret
    if victims is None:
        kill_group(web)
        return system.start_web()
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return web
