"""Tweakwise answers one shop with pauses of years, impossible dates and endless answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import orders
from chaos.processes import wait_for
from chaos.traffic import Traffic
from chaos.tweakwise import HOSTILE
from webhook_app.throttling.circuit_breaker import MAX_PAUSE

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.system import System
    from chaos.tweakwise import Tweakwise

FEW = ("429 for 3000 years", "503 until the year 9999", "429 of 308 digits")
WAITED_FOR = "429 of 308 digits"  # in the full form it is not resumed
PAUSE = 0.1  # seconds between two orders of a shop
SOON = 20.0  # seconds for a worker to call again where nothing is paused
MARGIN = 30.0  # seconds beyond the longest pause


def run(context: Context) -> None:
    """Whatever Tweakwise answers, a shop's pause ends within 5 minutes or with `resume`, and no other shop waits."""
    tweakwise = context.tweakwise()
    tweakwise.failing = orders.INSTANCE_KEY
    system = context.system(tweakwise.url, SHOPS=orders.TWO_SHOPS)
    system.start_web()
    worker = system.start_worker()
    shop = Traffic(system.port, senders=1, pause=PAUSE)
    with shop, Traffic(system.port, senders=1, pause=PAUSE, shop=orders.OTHER_SHOP) as other:
        for answer in FEW if context.short else HOSTILE:
            _one(context, system, tweakwise, (shop, other), answer)
    shop.add(other)
    system.command("resume", "--yes")
    context.figures |= {"answers": len(tweakwise.failed)}
    context.expect_alive(system, worker=worker)
    context.sum_up(system, shop, tweakwise)


def _one(context: Context, system: System, tweakwise: Tweakwise, shops: tuple[Traffic, Traffic], answer: str) -> None:
    """Let calls of the first shop meet the answer, and check that both shops' calls go on."""
    shop, other = shops
    tweakwise.failure = answer
    wait_for(lambda: tweakwise.failed[answer] > 0, SOON)
    context.expect(tweakwise.failed[answer], f"No call met {answer!r}.")
    tweakwise.failure = ""
    _expect_more(context, tweakwise, other, SOON, f"The other shop's calls waited during {answer!r}.")
    _expect_bounded(context, system, answer)
    waits = answer == WAITED_FOR and not context.short
    if not waits:
        context.expect(system.command("resume", "--shop", orders.SHOP) == 0, f"resume failed after {answer!r}.")
    within = MAX_PAUSE / 1000 + MARGIN if waits else SOON
    began = time.monotonic()
    _expect_more(context, tweakwise, shop, within, f"The shop's calls did not go on after {answer!r}.")
    figure = f"slowest recovery, {'waiting' if waits else 'resumed'} (s)"
    context.figures[figure] = max(round(time.monotonic() - began, 1), context.figures.get(figure, 0.0))


def _expect_more(context: Context, tweakwise: Tweakwise, shop: Traffic, within: float, sentence: str) -> None:
    """Wait until more of a shop's orders are counted than before."""

    def counted() -> int:
        return sum(tweakwise.counted[name] > 0 for name in list(shop.acknowledged))

    before = counted()
    wait_for(lambda: counted() > before, within)
    context.expect(counted() > before, sentence)


def _expect_bounded(context: Context, system: System, answer: str) -> None:
    with system.inbox() as inbox:
        now = inbox.clock()
        times = [time for one in inbox.throttles().values() for time in (one.open_until or 0, one.next_at)]
    longest = max([*times, now]) - now
    context.expect(longest <= MAX_PAUSE + 1000, f"Calls are paused for {longest / 1000:.0f} s after {answer!r}.")
