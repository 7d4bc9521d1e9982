"""Tweakwise hangs, resets, drips, talks nonsense, refuses and redirects, one failure after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chaos.traffic import Traffic
from chaos.tweakwise import FAILURES, SLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.context import Context
    from chaos.tweakwise import Tweakwise

FEW = ("reset", "garbage")  # after a 429 calls go slowly for a minute, which is for the full form
LASTS, SLOW_LASTS = 1.0, 6.0  # seconds; a call that hangs is given up after 5
# Orders come slowly: after a failure a worker waits for seconds, and then begins with ten calls a second.
PAUSE = 0.3  # seconds
TIME_LIMIT = 60.0  # seconds for a worker to call again


def run(context: Context) -> None:
    """Whatever Tweakwise answers, the order waits, and is counted once when Tweakwise is back to normal."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    system.start_web()
    worker = system.start_worker()
    with Traffic(system.port, senders=1, pause=PAUSE) as shop:
        for failure in FEW if context.short else FAILURES:
            _failure(context, tweakwise, failure)
    context.figures |= {"failures": len(tweakwise.failed), "failed calls": tweakwise.failed.total()}
    context.expect_alive(system, worker=worker)
    context.sum_up(system, shop, tweakwise)


def _failure(context: Context, tweakwise: Tweakwise, failure: str) -> None:
    """Make one failure last from the first call that meets it, and wait until all is back to normal."""
    tweakwise.failure = failure
    _wait(lambda: tweakwise.failed[failure] > 0)
    context.expect(tweakwise.failed[failure], f"No call met {failure!r}.")
    time.sleep(SLOW_LASTS if failure in SLOW and not context.short else LASTS)
    tweakwise.failure, before, began = "", tweakwise.counted.total(), time.monotonic()
    _wait(lambda: tweakwise.counted.total() > before)
    context.expect(
        tweakwise.counted.total() > before, f"Nothing was counted within {TIME_LIMIT:.0f} s after {failure!r}."
    )
    figure = "slowest recovery (s)"
    context.figures[figure] = max(round(time.monotonic() - began, 1), context.figures.get(figure, 0.0))


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIME_LIMIT
    while not until() and time.monotonic() < deadline:
        time.sleep(0.02)
