"""Thousands of clients that ask for readiness as fast as they are answered, with PostgreSQL and a spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.slow_connections import raise_limit
from chaos.under_attack import measure

if TYPE_CHECKING:
    from chaos.context import Context

SIZE, SHORT_SIZE = 3000, 200
SECONDS, SHORT_SECONDS = 15.0, 1.0


def run(context: Context) -> None:
    """Three thousand clients that repeat /readyz delay no order by a second, and start no spool."""
    raise_limit(SIZE + 500)
    tweakwise = context.tweakwise()
    context.postgres()
    system = context.system(tweakwise.url, SPOOL=str(context.folder / "spool.db"))
    web = system.start_web()
    size, seconds = (SHORT_SIZE, SHORT_SECONDS) if context.short else (SIZE, SECONDS)
    shop = measure(context, system, web, "probes", size=size, seconds=seconds)
    for event in ("spooling_started", "store_unavailable"):
        context.expect(f'"{event}"' not in system.logged(), f"A full pool or a busy process was logged as {event}.")
    context.expect_alive(system, web=web)
    system.start_worker()
    context.sum_up(system, shop, tweakwise)
