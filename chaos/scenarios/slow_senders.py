"""Hundreds of senders that never finish, of every kind, while genuine orders must get through."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.crowd import SENT, Crowd
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from chaos.stage import Stage
    from chaos.system import System

SIZES = (0, 16, 64, 300)
LONGEST = 2.0  # seconds that a genuine order may take; Shopify waits for 5


def run(stage: Stage) -> None:
    """However many senders are slow, a genuine order is answered as if they were not there."""
    tweakwise = stage.tweakwise()
    kinds = ("half a body", "half a head") if stage.short else tuple(SENT)
    for kind in kinds:
        for size in (20,) if stage.short else SIZES:
            folder = stage.folder / f"{kind}-{size}"
            folder.mkdir()
            system = stage.system(tweakwise.url, folder=folder)
            system.start_web()
            _measure(stage, system, kind, size)
            system.stop()


def _measure(stage: Stage, system: System, kind: str, size: int) -> None:
    with Crowd(system.port, kind, size), Traffic(system.port, senders=4, timeout=5.0) as shop:
        time.sleep(2.0 if stage.short else 5.0)
    took = shop.latencies()
    worst = took[-1] if took else float("inf")
    stage.figures[f"{size} x {kind}: p99 (ms)"] = round(quantile(took, 0.99) * 1000) if took else "never"
    stage.expect(worst < LONGEST and not shop.given_up, f"{size} x {kind}: the slowest order took {worst:.1f} s.")
