"""The machine's clock jumps back and forth under web and worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.clock import Clock
from chaos.context import settled
from chaos.system import kill_group
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context

JUMPS = (3600, -3600, 86_400, -86_400, 5, -5, 0)  # seconds from the true time


def run(context: Context) -> None:
    """A wrong clock that is corrected delays nothing, and costs at most the calls that were in flight at a jump."""
    tweakwise = context.tweakwise()
    clock = Clock(context.folder)
    system = context.system(tweakwise.url, None, **clock.variables)
    system.start_web()
    worker = system.start_worker()
    jumps = JUMPS[-3:] if context.short else JUMPS
    with Traffic(system.port, senders=2, pause=context.pause(0.01)) as shop:
        for offset in jumps:
            clock.put(offset)
            time.sleep(1.5)
        # What is received while the clock is ahead and no worker runs is still to be delivered when it is put right.
        kill_group(worker)
        clock.put(3600)
        time.sleep(1.0)
    clock.put(0)
    system.start_worker()
    context.figures["jumps"] = len(jumps) + 2
    settled(system)
    twice = {name for name, times in tweakwise.counted.items() if times > 1}
    context.expect(
        len(twice) <= (len(jumps) + 3) * 16, f"{len(twice)} orders were counted twice in {len(jumps)} jumps."
    )
    context.sum_up(system, shop, tweakwise, twice)
