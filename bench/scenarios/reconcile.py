"""What comparing with the platform's own list of orders costs: by itself, and what it takes from the rest."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from bench import backlog, engines, receiver_setup, sinks
from bench.listed_orders import NAME, ORDERS, SHOP, fill, platform
from bench.load import offer
from bench.paths import workspace
from bench.processes import cpu_seconds, running
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from webhook_app.config import shops
from webhook_app.inbox import Inbox
from webhook_app.platforms import all_platforms
from webhook_app.sources.base import USUAL_RATE
from webhook_app.sources.reconcile import Plan, Reconciler
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from pathlib import Path

    from bench.listed_orders import Platform

MISSING = 10
AT_ONCE = 10_000.0  # requests a second
AGES = AgeLimits(7 * 86_400, 86_400)
CONNECTIONS = 16
BACKLOG = 25_000
# The worker, which looks at once whether a shop is due.
WORKER = "from webhook_app.cli import main; from webhook_app.sources import reconcile as r; r.LOOK_EVERY = 0.1; main()"
PAIR = {"without": "without a comparison", "with": "during a comparison"}


def compared(options: Options) -> list[Run]:
    """Compare all orders once, so that they are known, and then again with some that are missing: the usual night."""
    return [_run(name, number) for name in engines.ALL for number in range(options.rounds)]


def _run(name: str, number: int) -> Run:
    with workspace("reconcile") as folder, engines.ALL[name](folder) as database, platform() as listing:
        _known(database, listing)
        with closing(Inbox(database)) as inbox:
            _lose(inbox)
            before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
            missing = _compare(inbox, listing, USUAL_RATE)
            seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {
        "seconds": seconds,
        "core": 100 * used / seconds,
        "grown": (after.ru_maxrss - before.ru_maxrss) / 1024,
        "missing": float(missing),
    }
    return Run(name, number, figures, "" if missing == MISSING else f"{missing} orders were missing")


def _known(database: str, listing: Platform) -> None:
    """Store a delivery of each order, and compare them all once."""
    receiver_setup.migrate(database)
    with closing(Inbox(database)) as inbox:
        fill(inbox)
        _compare(inbox, listing, AT_ONCE)
        with inbox.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM reconciliation_states")


def _lose(inbox: Inbox) -> None:
    columns = {"deliveries": "business_key", "business_keys": "key", "platform_orders": "business_key"}
    with inbox.database.write() as connection:
        for order in range(1, MISSING + 1):
            for table, column in columns.items():
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = 'purchase:{order}'")  # noqa: S608


def _compare(inbox: Inbox, listing: Platform, rate: float) -> int:
    known = shops.parse(SHOP.format(listing.url), "bench", all_platforms())
    [done] = Reconciler(inbox, lambda: known, all_platforms(), Plan(900, 900, AGES), rate).once(only=NAME)
    return done.result.missing if not done.result.error else -1


def pairs(options: Options) -> list[Run]:
    """Accept and deliver as much as there is, in turns without a comparison and during one."""
    order = [[*PAIR], [*reversed(PAIR)]]  # neither is always the second
    return [_pair(name, number, options.seconds) for number in range(options.rounds) for name in order[number % 2]]


def _pair(name: str, number: int, seconds: float) -> Run:
    with workspace("pair") as folder, engines.sqlite(folder) as database, platform() as listing:
        _known(database, listing)
        backlog.waiting(database, BACKLOG)
        before = listing.asked
        env = {"SHOPS": receiver_setup.SHOPS + (SHOP.format(listing.url) if name == "with" else "")}
        figures = _busy(database, folder, env, seconds)
        asked, left = listing.asked - before, receiver_setup.count_rows(database, receiver_setup.UNFINISHED)
    fault = "" if left else "nothing was left to deliver"
    if name == "with" and asked < seconds:
        fault = f"the platform was asked {asked} times"
    return Run(name, number, figures, fault)


def _busy(database: str, folder: Path, env: dict[str, str], seconds: float) -> dict[str, float]:
    """Return how much is accepted and delivered, with all that the machine has."""
    with sinks.at_once(folder) as sink, ours(database, folder, env) as receiver:
        settings = receiver_setup.settings(database, TWEAKWISE_URL=sink.url, **env)
        with running([sys.executable, "-c", WORKER, "worker"], settings, folder / "worker.log") as worker:
            sink.wait_for(200)
            before, began, used = sink.count(), time.monotonic(), cpu_seconds(worker.pid)
            load = offer(receiver.url, seconds, folder, CONNECTIONS)
            took, used, came = time.monotonic() - began, cpu_seconds(worker.pid) - used, sink.count() - before
            return {"accepted": load.rate, "rate": came / took, "cpu": 1000 * used / came}


ALONE = Scenario(
    name="reconcile",
    title="Comparing with the platform's list",
    about=(
        f"The nightly comparison of {ORDERS:,} orders, of which {MISSING} are missing, with an API that answers at "
        "once: 3 requests a second, 90 new orders each."
    ),
    contestants=dict(engines.TITLES),
    figures={
        "seconds": "seconds",
        "core": "% of a core",
        "grown": "MB more of memory",
        "missing": "found missing",
    },
    targets=[Target(name, "seconds", at_most=60) for name in engines.TITLES]
    + [Target(name, "core", at_most=5) for name in engines.TITLES],
    play=compared,
    usual=None,
    in_full=Options(rounds=1, seconds=1, full=True),
)
PAIRS = Scenario(
    name="reconcile-pairs",
    title="Accepting and delivering during a comparison",
    about=(
        "Receiver, one worker with a full queue, load and sink share the cores and have no pause; in turns without and "
        f"during the comparison of {ORDERS:,} orders, on SQLite."
    ),
    contestants=PAIR,
    figures={"accepted": "accepted a second", "rate": "delivered a second", "cpu": "CPU ms of the worker a call"},
    targets=[
        *(Target("with", figure, "without", at_least=0.95) for figure in ("accepted", "rate")),
        Target("with", "cpu", "without", at_most=1.1),  # its own share of the processor is in it
    ],
    play=pairs,
    usual=Options(rounds=2, seconds=8),
    in_full=Options(rounds=8, seconds=8, full=True),
)
