"""SIGTERM of the receiver and of the worker while orders pour in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.slow_connections import SlowConnections
from chaos.traffic import Traffic

if TYPE_CHECKING:
    import subprocess

    from chaos.context import Context

WITHIN = 10.0  # seconds; hosts kill after 10
TIME_LIMIT = 25.0  # seconds


def run(context: Context) -> None:
    """SIGTERM under load: exit code 0 within 10 seconds, nothing lost, nothing counted twice."""
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.05
    system = context.system(tweakwise.url, WEB_CONCURRENCY="2")
    web, worker = system.start_web(), system.start_worker()
    # Platforms and proxies keep connections open; none of them may hold up a stop.
    with SlowConnections(system.port, "silent", 20), Traffic(system.port, senders=4, pause=context.pause()) as shop:
        for _ in range(1 if context.short else max(context.rounds // 20, 2)):
            time.sleep(0.5)
            _stop(context, "web", web)
            _stop(context, "worker", worker)
            web, worker = system.start_web(), system.start_worker()
    context.sum_up(system, shop, tweakwise)


def _stop(context: Context, name: str, process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    process.terminate()
    code = process.wait(TIME_LIMIT)
    took = time.monotonic() - began
    figure = f"slowest stop of the {name} (s)"
    context.figures[figure] = max(round(took, 1), context.figures.get(figure, 0.0))
    context.expect(code == 0, f"The {name} ended with exit code {code} on SIGTERM.")
    context.expect(took < WITHIN, f"The {name} took {took:.1f} s to stop.")
