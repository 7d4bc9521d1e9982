"""PostgreSQL is away for longer than LEASE while calls are in flight."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.postgres import Server
    from chaos.tweakwise import Tweakwise

OUTAGES, SHORT_OUTAGES = (5.0, 75.0, 300.0), (5.0,)  # seconds; LEASE is 15
WORKERS, SHORT_WORKERS = 3, 2
BEFORE = 3.0  # seconds of traffic before each
IN_FLIGHT = 2.0  # seconds in which calls that had begun end


def run(context: Context) -> None:
    """However long PostgreSQL is away, what was sent is settled when it is back and not sent again."""
    server, tweakwise = context.postgres(), context.tweakwise()
    tweakwise.delay = 0.3
    system = context.system(tweakwise.url)
    web, workers = (
        system.start_web(),
        [system.start_worker() for _ in range(SHORT_WORKERS if context.short else WORKERS)],
    )
    with Traffic(system.port, senders=2, pause=context.pause(0.02)) as shop:
        for seconds in SHORT_OUTAGES if context.short else OUTAGES:
            time.sleep(BEFORE)
            _away(context, server, tweakwise, seconds)
    context.expect_alive(system, web=web, **{f"worker {number}": one for number, one in enumerate(workers)})
    context.sum_up(system, shop, tweakwise)
    context.expect('"lease_lost"' not in system.logged(), "A worker lost a lease although none was killed.")


def _away(context: Context, server: Server, tweakwise: Tweakwise, seconds: float) -> None:
    """Stop the server for so long; no call may begin meanwhile."""
    server.stop()
    gone = time.monotonic()
    time.sleep(seconds)
    late = tweakwise.counted_between(gone + IN_FLIGHT, time.monotonic())
    context.expect(not late, f"{len(late)} calls began while PostgreSQL was away.")
    server.start()
