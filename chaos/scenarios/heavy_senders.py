"""Hundreds of senders that send almost five mebibytes each, and never the rest."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

from chaos import orders, processes
from chaos.slow_connections import raise_limit
from chaos.traffic import Traffic, quantile

if TYPE_CHECKING:
    from chaos.context import Context

SIZE = 100
HELD = 4 * 1024 * 1024  # bytes that each sends; the receiver takes 5 MiB
ROOM = 256 * 1024  # KiB by which all the receiver's processes together may grow meanwhile
LONGEST = 5.0  # seconds that a genuine order may take; Shopify waits for as long


def run(context: Context) -> None:
    """Bodies that never end cannot take the receiver's memory, nor keep a genuine order out."""
    raise_limit(SIZE + 500)
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    web = system.start_web()
    before = peak = processes.memory(web.pid)
    with Traffic(system.port, senders=2, pause=context.pause(0.02)) as shop, contextlib.ExitStack() as senders:
        threads = [threading.Thread(target=_send, args=(senders, system.port), daemon=True) for _ in range(SIZE)]
        for thread in threads:
            thread.start()
        for _ in range(10 if context.short else 30):
            time.sleep(0.5)
            peak = max(peak, processes.memory(web.pid))
    took = shop.latencies()
    growth = (peak - before) // 1024
    context.figures |= {"senders": SIZE, "growth (MiB)": growth, "p99 (ms)": round(quantile(took, 0.99) * 1000)}
    context.expect(growth < ROOM // 1024, f"The receiver grew by {growth} MiB.")
    # In its short form several scenarios, and the senders of this one, share two cores.
    longest = LONGEST * (4 if context.short else 1)
    context.expect(took and took[-1] < longest, f"The slowest order took {took[-1] if took else 'for ever'} s.")
    context.expect_alive(system, web=web)
    system.start_worker()
    context.sum_up(system, shop, tweakwise)


def _send(senders: contextlib.ExitStack, port: int) -> None:
    """Send almost all of one body, and keep the connection until `senders` are dismissed."""
    with contextlib.suppress(OSError):
        connection = senders.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        connection.sendall(orders.head(orders.make(98_000_000), HELD + 1000) + b" " * HELD)
