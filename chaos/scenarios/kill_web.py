"""SIGKILL of the receiver, its master and its children, at random moments."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.stage import Stage


def run(stage: Stage) -> None:
    """A killed receiver has stored what it answered with 2xx, and one that starts again takes the rest."""
    tweakwise = stage.tweakwise()
    system = stage.system(tweakwise.url)
    system.start_worker()
    web = system.start_web()
    with Traffic(system.port, senders=4) as shop:
        for _ in range(stage.rounds):
            time.sleep(random.uniform(0.0, 0.6))  # noqa: S311 - no secret
            kill_group(web)
            web = system.start_web()
    stage.figures["kills"] = stage.rounds
    stage.expect(shop.refusals, "No sender ever noticed that the receiver was gone.")
    stage.sum_up(system, shop, tweakwise)
