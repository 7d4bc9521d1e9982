"""Comparing with the platform's own list of orders, while workers die, the database is away and the clock is wrong."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from chaos import listed_orders
from chaos.clock import Clock
from chaos.context import in_flight, settled
from chaos.system import kill_group
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.shop_records import reconciliations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chaos.context import Context
    from chaos.listed_orders import Platform
    from chaos.system import System

ORDERS = 30  # more than the first page has after a few rounds
WORKERS = 2
AWAY = 1.0  # seconds
CLOCKS = (0, 3600, 0, -3600)  # seconds from the true time, in turn
SOON = "import webhook_app.sources.reconcile as r; r.LOOK_EVERY = 0.2; r.LEASE = 2.0; r.FIRST_RETRY = 1.0"
FOUND_WITHIN = 90.0  # seconds


def run(context: Context) -> None:
    """Every order that the platform lists is fetched and counted once, and the watermark is that of the newest."""
    context.on_both_engines(_compare)


def _compare(context: Context) -> None:
    tweakwise, clock = context.tweakwise(), Clock(context.folder)
    with listed_orders.serving() as platform:
        shops = listed_orders.SHOP.format(platform.url)
        system = context.system(tweakwise.url, SHOPS=shops, RECONCILE_EVERY="1s", RECONCILE_GRACE="1s")
        caught: set[str] = set()
        for number in range(context.rounds):
            clock.put(CLOCKS[number % len(CLOCKS)])
            workers = [system.start_worker(SOON, **clock.variables) for _ in range(WORKERS)]
            platform.place(ORDERS)
            if number % 2:
                with _away(context, system):
                    time.sleep(AWAY)
            with platform.holding_a_request():
                for worker in workers:
                    kill_group(worker)
                caught |= {listed_orders.name_of(identity) for identity in in_flight(system)}
        clock.put(0)
        workers = [system.start_worker(SOON, **clock.variables) for _ in range(WORKERS)]
        listed_orders.after_a_second()
        platform.place(ORDERS)
        _wait(lambda: not platform.names - set(tweakwise.counted))
        _wait(lambda: _watermark(system) == listed_orders.newest(platform))
        _check(context, system, platform, caught)
        twice = {name for name, times in tweakwise.counted.items() if times > 1}
        context.expect(not twice - caught, f"{len(twice - caught)} orders were counted twice")
        missing = platform.names - set(tweakwise.counted)
        context.expect(not missing, f"{len(missing)} listed orders never reached Tweakwise")


def _check(context: Context, system: System, platform: Platform, caught: set[str]) -> None:
    rows = settled(system)
    newest = listed_orders.newest(platform)
    context.figures |= {"listed": len(platform.orders), "kills": WORKERS * context.rounds, "in flight": len(caught)}
    context.expect(len(rows) == len(platform.orders), f"{len(platform.orders)} are listed, {len(rows)} were fetched")
    odd = [row for row in rows if row.state != "delivered"]
    context.expect(not odd, f"{len(odd)} were not delivered: {[(row.state, row.reason) for row in odd[:3]]}")
    watermark = _watermark(system)
    context.expect(watermark == newest, f"The watermark is {watermark}, the newest order is of {newest}")


def _watermark(system: System) -> int | None:
    with system.inbox() as inbox:
        try:
            state = reconciliations.states(inbox).get("listed")
        except StoreUnavailableError:
            return None
    return state.watermark if state else None


def _wait(holds: Callable[[], bool]) -> None:
    """Wait until it holds, or the time is over: the checks say what is wrong then."""
    deadline = time.monotonic() + FOUND_WITHIN
    while time.monotonic() < deadline and not holds():
        time.sleep(0.1)


@contextmanager
def _away(context: Context, system: System) -> Iterator[None]:
    """Let nothing be written: all backends die and die again, or another process has the file's lock."""
    if context.server is None:
        with closing(sqlite3.connect(system.database_url.removeprefix("sqlite:///"), timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.rollback()
        return
    context.server.stop()
    yield
    context.server.start()
