"""More connections than places, of every kind that costs a receiver time or memory before a signature is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.attackers import KINDS
from chaos.slow_connections import raise_limit
from chaos.traffic import Traffic
from chaos.under_attack import measure

if TYPE_CHECKING:
    from chaos.context import Context

PLACES = 50  # of each web process: two, and one in the short form
SIZE, SHORT_SIZE = 300, 60
SECONDS, SHORT_SECONDS = 5.0, 1.0  # for each kind


def run(context: Context) -> None:
    """More attackers than the receiver has places, whatever they send or leave unread, delay no order by a second."""
    raise_limit(2000)
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url, WEB_THREADS=str(PLACES))
    web = system.start_web()
    size, seconds = (SHORT_SIZE, SHORT_SECONDS) if context.short else (SIZE, SECONDS)
    shop = Traffic(system.port)
    for kind in KINDS:
        shop.add(measure(context, system, web, kind, size=size, seconds=seconds))
    context.expect_alive(system, web=web)
    context.expect("WORKER TIMEOUT" not in system.logged(), "A web process was killed because it did not answer.")
    system.start_worker()
    context.sum_up(system, shop, tweakwise)
