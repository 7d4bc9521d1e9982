"""How long pages take: the dashboard beside a million deliveries, of one shop and of two hundred."""

from __future__ import annotations

import re
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING

import requests

from bench import dashboard_rows, engines
from bench.dashboard_rows import ORDER, name_of
from bench.paths import workspace
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from webhook_app.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROWS, ROWS_IN_FULL = 200_000, 1_000_000
PASSWORD = "the-password-of-the-bench"  # noqa: S105 - it opens nothing but the bench's own receiver
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
COUNTING = "Still counting"
SHOPS = {"one": 1, "many": 200, "waiting": 200}  # by what a contestant's name ends in; the last is the hardest
NAMES = {"one": "1 shop", "many": "200 shops", "waiting": "200 shops, waiting rows everywhere"}
SLOWEST = 200  # milliseconds
PAGES: Mapping[str, str] = {
    "overview": "?range=24h",
    "month": "?range=30d",
    "shop": f"/shops/{name_of(0)}",
    "newest": "/deliveries",
    "rare": "/deliveries?state=dead",
    "order": f"/deliveries?order={ORDER}",
    "accounting": "/accounting",
}


def looked_at(options: Options) -> list[Run]:
    """Ask for each page again and again, on both engines."""
    rows = ROWS_IN_FULL if options.full else ROWS
    runs = []
    kinds = SHOPS if options.full else ["waiting"]
    for name in (f"{engine}-{kind}" for kind in kinds for engine in engines.ALL):
        engine, _, kind = name.partition("-")
        with workspace("dashboard") as folder, engines.ALL[engine](folder) as database:
            dashboard_rows.fill(database, rows, SHOPS[kind], waiting=kind == "waiting")
            extra = {"DASHBOARD_PASSWORD": PASSWORD, "SHOPS": dashboard_rows.document(SHOPS[kind])}
            with ours(database, folder, extra) as receiver:
                base = receiver.url.partition("/webhooks/")[0] + "/dashboard"
                runs += [_round(name, number, base, rows, options.seconds) for number in range(options.rounds)]
            with closing(Inbox(database)) as inbox:
                dashboard_rows.check(inbox, rows)
    return runs


def _round(name: str, number: int, base: str, rows: int, seconds: float) -> Run:
    session = _signed_in(base)
    began = time.perf_counter()
    first = _milliseconds(lambda: session.get(f"{base}{PAGES['month']}", timeout=60))
    while COUNTING in session.get(f"{base}{PAGES['month']}", timeout=60).text:
        pass
    figures = {"rows": float(rows), "first": first, "counted": time.perf_counter() - began}
    for page, path in PAGES.items():
        until, taken = time.perf_counter() + seconds, list[float]()
        while time.perf_counter() < until or len(taken) < 3:  # noqa: PLR2004 - a median needs some
            taken.append(_milliseconds(lambda path=path: session.get(f"{base}{path}", timeout=60)))  # type: ignore[misc]
        figures[page] = statistics.median(taken)
        if page == "overview":
            figures["slowest"] = max(taken)
    figures["worst"] = max(figures[page] for page in PAGES)
    return Run(name, number, figures)


def _signed_in(base: str) -> requests.Session:
    session = requests.Session()
    token = CSRF.search(session.get(f"{base}/login", timeout=60).text)
    form = {"csrf": token[1] if token else "", "password": PASSWORD}
    session.post(f"{base}/login", data=form, timeout=60).raise_for_status()
    return session


def _milliseconds(ask: Callable[[], requests.Response]) -> float:
    began = time.perf_counter()
    ask().raise_for_status()
    return (time.perf_counter() - began) * 1000


CONTESTANTS = {f"{name}-{kind}": f"{engines.TITLES[name]}, {NAMES[kind]}" for kind in SHOPS for name in engines.ALL}
SCENARIO = Scenario(
    name="dashboard",
    title="Looking at the dashboard",
    about=(
        f"{ROWS_IN_FULL:,} deliveries of {dashboard_rows.DAYS} days ({ROWS:,} without --full), pages asked for one "
        "after the other over HTTP. The first look finds nothing counted; it shows what was counted by then, and "
        "counting goes on. Each shop also has the orders that its platform lists, and its comparisons."
    ),
    contestants=CONTESTANTS,
    figures={
        "rows": "deliveries",
        "first": "first look ever, ms",
        "counted": "all counted after, s",
        "overview": "overview, ms",
        "slowest": "slowest overview, ms",
        "month": "overview of 30 days, ms",
        "shop": "one shop's page, ms",
        "newest": "newest deliveries, ms",
        "rare": "the dead among them, ms",
        "order": "one order's, ms",
        "accounting": "accounting of a day, ms",
        "worst": "slowest of these pages, ms",
    },
    targets=[Target(name, "worst", at_most=SLOWEST) for name in CONTESTANTS],
    play=looked_at,
    usual=Options(rounds=1, seconds=2),
    in_full=Options(rounds=1, seconds=3, full=True),
)
