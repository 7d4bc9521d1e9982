"""The log cannot be written any more: its disk is full, or what reads it has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos import orders, wire
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from chaos.context import Context


def run(context: Context) -> None:
    """A log that cannot be written stops no process, changes no answer and loses no order."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    system.speechless = True
    web, worker = system.start_web(), system.start_worker()
    with Traffic(system.port, senders=2, pause=context.pause(0.01)) as shop:
        time.sleep(2.0 if context.short else 10.0)
    forged = orders.make(97_000_000)
    answer = wire.send(system.port, (orders.head(forged, len(forged.body)), forged.body.replace(b"1", b"2")))
    context.expect(answer == ["401"], f"The answer to a forged order is {answer}.")
    context.expect(not shop.refusals, f"Genuine orders were refused: {dict(shop.refusals)}")
    context.expect_alive(system, web=web, worker=worker)
    context.sum_up(system, shop, tweakwise)
