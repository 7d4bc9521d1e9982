"""Ten thousand silent connections."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import processes
from chaos.slow_connections import SlowConnections, raise_limit
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from chaos.context import Context

SPARE = 500  # files for everything else
LONGEST = 5.0  # seconds that a genuine order may take; Shopify waits for as long


def run(context: Context) -> None:
    """Ten thousand silent connections keep no genuine order out, and the receiver survives them."""
    size = 300 if context.short else 10_000
    raise_limit(size + SPARE)
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    web = system.start_web()
    system.start_worker()
    before = processes.memory(web.pid)
    with (
        SlowConnections(system.port, "silent", size) as connections,
        Traffic(system.port, senders=2, timeout=5.0, pause=context.pause()) as shop,
    ):
        time.sleep(2.0 if context.short else 20.0)
        each = (processes.memory(web.pid) - before) / size
    took = shop.latencies()
    context.figures |= {"connections": connections.opened, "memory of each (KiB)": round(each)}
    context.figures["p99 (ms)"] = round(quantile(took, 0.99) * 1000)
    context.expect(not shop.refusals, f"Genuine orders were not answered: {dict(shop.refusals)}")
    context.expect(took and took[-1] < LONGEST, f"The slowest order took {took[-1] if took else 'for ever'} s.")
    context.expect_alive(system, web=web)
    context.sum_up(system, shop, tweakwise)
