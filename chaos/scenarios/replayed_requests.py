"""An attacker posts recorded requests again: genuine bytes, many times, also long after."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from chaos import orders
from chaos.context import EVERY_ROW, settled
from chaos.traffic import Traffic, post
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from chaos.context import Context

ORDERS = 20


def run(context: Context) -> None:
    """A recorded request that is posted again is answered 200 and changes nothing: no row, no second purchase."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    system.start_web()
    system.start_worker()
    genuine = [orders.make(90_000_000 + number) for number in range(ORDERS)]
    shop = Traffic(system.port)
    for order in genuine:
        context.expect(post(system.port, order) == "200", f"{order.identity} was refused.")
        shop.acknowledged[order.identity] = 0.0
    settled(system)
    again = genuine * (10 if context.short else 200)
    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(lambda order: post(system.port, order), again))
    context.expect(answers == {"200"}, f"Answers to replayed requests: {answers}")
    with system.inbox() as inbox:
        context.expect(
            len(stored_deliveries.newest(inbox, EVERY_ROW)) == ORDERS, "Replayed requests were stored again."
        )
    context.figures["replayed requests"] = len(again)
    context.sum_up(system, shop, tweakwise)
