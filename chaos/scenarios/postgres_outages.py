"""PostgreSQL is stopped, frozen, loses all backends at once, and is killed, in mid-load."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.context import Context
    from chaos.postgres import Server
    from chaos.tweakwise import Tweakwise

DOWN = 4.0  # seconds, well within a lease
RECOVERS_WITHIN = 15.0  # seconds from the database's return to the first order that is stored
# A worker's note that it has a delivery need not survive the database's own death (a commit that waits for no disk):
# the call that it had under way, or made within these seconds before, may be repeated.
BEFORE, AFTER = 1.0, 0.5

OUTAGES: dict[str, tuple[Callable[[Server], None], Callable[[Server], None]]] = {
    "stop": (lambda server: server.stop(), lambda server: server.start()),
    "backends": (lambda server: server.kill_backends(), lambda _: None),
    "kill": (lambda server: server.kill(), lambda server: server.start()),
    "freeze": (lambda server: server.freeze(), lambda server: server.thaw()),
}
CRASHES = ("backends", "kill")


def run(context: Context) -> None:
    """While PostgreSQL is down the answer is 503 with Retry-After; when it is back, everything continues by itself."""
    server, tweakwise = context.postgres(), context.tweakwise()
    system = context.system(tweakwise.url)
    web, worker = system.start_web(), system.start_worker()
    in_flight: set[str] = set()
    with Traffic(system.port, senders=3, pause=context.pause(0.01)) as shop:
        for name in list(OUTAGES) * (1 if context.short else max(context.rounds // 50, 1)):
            time.sleep(1.0)
            began = time.monotonic()
            _break(context, server, shop, name)
            if name in CRASHES:
                in_flight |= _perhaps_repeated(tweakwise, began)
    refused = {answer for answer in shop.refusals if answer != "TimeoutError"}
    context.expect(refused <= {"503"}, f"Answers while PostgreSQL was away: {dict(shop.refusals)}")
    context.expect("503" in refused, "No request was refused while PostgreSQL was down.")
    context.expect_alive(system, web=web, worker=worker)
    context.sum_up(system, shop, tweakwise, in_flight)


def _break(context: Context, server: Server, shop: Traffic, name: str) -> None:
    """Let one outage come and go, and note how long after its end the next order was stored."""
    breaks, repairs = OUTAGES[name]
    breaks(server)
    time.sleep(1.0 if context.short else DOWN)
    repairs(server)
    back, before = time.monotonic(), len(shop.acknowledged)
    while len(shop.acknowledged) <= before and time.monotonic() - back < RECOVERS_WITHIN:
        time.sleep(0.01)
    took = time.monotonic() - back
    figure = f"slowest recovery after {name} (s)"
    context.figures[figure] = max(round(took, 2), context.figures.get(figure, 0.0))
    context.expect(took < RECOVERS_WITHIN, f"Nothing was stored within {RECOVERS_WITHIN:.0f} s after {name}.")


def _perhaps_repeated(tweakwise: Tweakwise, crashed: float) -> set[str]:
    return tweakwise.counted_between(crashed - BEFORE, crashed + AFTER)
