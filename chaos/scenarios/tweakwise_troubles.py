"""Tweakwise hangs, resets, drips, talks nonsense, refuses and redirects, one trouble after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.traffic import Traffic
from chaos.tweakwise import TROUBLES

if TYPE_CHECKING:
    from chaos.stage import Stage

FEW = ("reset", "garbage", "429", "500", "301 to nonsense")


def run(stage: Stage) -> None:
    """Whatever Tweakwise answers, the order waits, and is counted once when Tweakwise is well again."""
    tweakwise = stage.tweakwise()
    system = stage.system(tweakwise.url)
    system.start_web()
    system.start_worker()
    with Traffic(system.port, senders=1, pause=0.05) as shop:
        for trouble in FEW if stage.short else TROUBLES:
            tweakwise.trouble = trouble
            time.sleep(1.0 if stage.short else 7.0)
            tweakwise.trouble = ""
            time.sleep(0.5)
    stage.figures |= {"troubles": len(tweakwise.troubled), "troubled calls": tweakwise.troubled.total()}
    untouched = set(FEW if stage.short else TROUBLES) - set(tweakwise.troubled)
    stage.expect(not untouched, f"No call met {sorted(untouched)}")
    stage.sum_up(system, shop, tweakwise)
