"""Hundreds of senders that never finish, of every kind, while genuine orders must get through."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.slow_connections import SENT, SlowConnections
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from chaos.context import Context

SIZE, SHORT_SIZE = 300, 40
SECONDS, SHORT_SECONDS = 5.0, 1.5  # for each kind
LONGEST = 2.0  # seconds that a genuine order may take; Shopify waits for 5


def run(context: Context) -> None:
    """However many senders are slow, a genuine order is answered as if they were not there."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    web = system.start_web()
    size, seconds = (SHORT_SIZE, SHORT_SECONDS) if context.short else (SIZE, SECONDS)
    shop = Traffic(system.port)
    for kind in SENT:
        with (
            SlowConnections(system.port, kind, size),
            Traffic(system.port, senders=2, timeout=5.0, pause=context.pause(0.01)) as part,
        ):
            time.sleep(seconds)
        took = part.latencies()
        worst = took[-1] if took else float("inf")
        context.figures[f"{size} x {kind}, p99 (ms)"] = round(quantile(took, 0.99) * 1000) if took else "never"
        context.expect(worst < LONGEST and not part.refusals, f"{kind}: {worst:.1f} s at most, {dict(part.refusals)}")
        shop.add(part)
    context.expect_alive(system, web=web)
    system.start_worker()
    context.sum_up(system, shop, tweakwise)
