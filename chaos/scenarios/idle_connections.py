"""Ten thousand silent connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import processes
from chaos.crowd import Crowd, raise_limit
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from chaos.stage import Stage

SPARE = 500  # files for everything else
LONGEST = 5.0  # seconds that a genuine order may take; Shopify waits for as long


def run(stage: Stage) -> None:
    """Ten thousand silent connections keep no genuine order out, and the receiver survives them."""
    size = 300 if stage.short else 10_000
    raise_limit(size + SPARE)
    tweakwise = stage.tweakwise()
    system = stage.system(tweakwise.url)
    web = system.start_web()
    system.start_worker()
    before = processes.memory(web.pid)
    with Crowd(system.port, "silent", size) as crowd, Traffic(system.port, senders=2, timeout=5.0) as shop:
        time.sleep(2.0 if stage.short else 20.0)
        each = (processes.memory(web.pid) - before) / size
    took = shop.latencies()
    stage.figures |= {"connections": crowd.opened, "memory of each (KiB)": round(each)}
    stage.figures["p99 (ms)"] = round(quantile(took, 0.99) * 1000)
    stage.expect(not shop.refusals, f"Genuine orders were not answered: {dict(shop.refusals)}")
    stage.expect(took and took[-1] < LONGEST, f"The slowest order took {took[-1] if took else 'for ever'} s.")
    stage.expect_alive(system, web=web)
    stage.sum_up(system, shop, tweakwise)
