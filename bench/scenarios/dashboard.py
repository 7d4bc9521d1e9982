"""How long pages take: the dashboard beside a million deliveries."""

from __future__ import annotations

import re
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING

import requests
from sqlalchemy import case, update

from bench import backlog, engines, order, receiver_setup
from bench.paths import workspace
from bench.receivers import ours
from bench.scenario import Options, Run, Scenario, Target
from webhook_app.inbox import Inbox, NewDelivery, Settlement, State
from webhook_app.inbox.tables import deliveries
from webhook_app.time_units import DAY
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, ROWS_IN_FULL = 1_000_000, 5_000_000
DAYS = 30
PASSWORD = "the-password-of-the-bench"  # noqa: S105 - it opens nothing but the bench's own receiver
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
COUNTING = "Still counting"
PAGES = {
    "overview": "?range=24h",
    "month": "?range=30d",
    "newest": "/deliveries",
    "rare": "/deliveries?state=dead",
    "order": "/deliveries?order=100000000000000",
    "accounting": "/accounting",
}


def looked_at(options: Options) -> list[Run]:
    """Ask for each page again and again, on both engines."""
    rows = ROWS_IN_FULL if options.full else ROWS
    runs = []
    for name, engine in engines.ALL.items():
        with workspace("dashboard") as folder, engine(folder) as database:
            _fill(database, rows)
            with ours(database, folder, {"DASHBOARD_PASSWORD": PASSWORD}) as receiver:
                base = receiver.url.partition("/webhooks/")[0] + "/dashboard"
                runs += [_turn(name, number, base, rows, options.seconds) for number in range(options.rounds)]
    return runs


def _fill(database: str, rows: int) -> None:
    """Spread a month of deliveries, most of them delivered, a few ignored, and one in 50,000 dead."""
    receiver_setup.migrate(database)
    with closing(Inbox(database)) as inbox:
        inbox.store(
            NewDelivery(receiver_setup.SHOP, "shopify", "orders/create", "first", "bench.example", {}, order.body())
        )
        [delivery] = inbox.claim({receiver_setup.SHOP: 1})
        call = Call(
            "purchase", "purchase:1", {"ProductKeys": ["1000", "1001"], "ProfileKey": "k" * 32, "Revenue": 99.5}
        )
        inbox.settle([Settlement(delivery, State.DELIVERED, call=call, attempted=True, took=40)])
        backlog.settled(database, rows)
        row, begin = deliveries.c, inbox.clock() - DAYS * DAY
        received = begin + row.id * (DAYS * DAY // rows)
        rare, often = row.id % 50_000 == 1, row.id % 7 == 0
        state = case((rare, State.DEAD), (often, State.IGNORED), else_=State.DELIVERED)
        reason = case((rare, "http_422"), (often, "already_counted"), else_="")
        with inbox.database.write() as connection:
            connection.execute(
                update(deliveries).values(received_at=received, settled_at=received + 180, state=state, reason=reason)
            )


def _turn(name: str, number: int, base: str, rows: int, seconds: float) -> Run:
    session = _signed_in(base)
    began = time.perf_counter()
    first = _milliseconds(lambda: session.get(f"{base}{PAGES['month']}", timeout=60))
    while COUNTING in session.get(f"{base}{PAGES['month']}", timeout=60).text:
        pass
    counted = time.perf_counter() - began
    figures = {"rows": float(rows), "first": first, "counted": counted}
    for page, path in PAGES.items():
        until, taken = time.perf_counter() + seconds, list[float]()
        while time.perf_counter() < until or len(taken) < 3:  # noqa: PLR2004 - a median needs some
            taken.append(_milliseconds(lambda path=path: session.get(f"{base}{path}", timeout=60)))  # type: ignore[misc]
        figures[page] = statistics.median(taken)
        if page == "overview":
            figures["slowest"] = max(taken)
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


SCENARIO = Scenario(
    name="dashboard",
    title="Looking at the dashboard",
    about=(
        f"{ROWS:,} deliveries of {DAYS} days ({ROWS_IN_FULL:,} with --full), pages asked for one after the other over "
        "HTTP. The first look finds nothing counted; it shows what was counted by then, and counting goes on."
    ),
    contestants=dict(engines.TITLES),
    figures={
        "rows": "deliveries",
        "first": "first look ever, ms",
        "counted": "all counted after, s",
        "overview": "overview, ms",
        "slowest": "slowest overview, ms",
        "month": "overview of 30 days, ms",
        "newest": "newest deliveries, ms",
        "rare": "the dead among them, ms",
        "order": "one order's, ms",
        "accounting": "accounting of a day, ms",
    },
    targets=[Target(name, "overview", at_most=200) for name in engines.TITLES]
    + [Target(name, "month", at_most=200) for name in engines.TITLES],
    play=looked_at,
    usual=Options(rounds=1, seconds=3),
)
