"""The busiest day: a thousand shops, ten times the events, a short peak of twenty times, two shops out of order."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from statistics import median
from typing import TYPE_CHECKING

import requests

from chaos import clients, many_shops, processes
from chaos.context import settled
from chaos.errors import SkippedError
from chaos.traffic import quantile
from webhook_app.config import configuration
from webhook_app.inbox import Selection, State
from webhook_app.inbox.operations import operator_actions
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.throttling.state import Scope

if TYPE_CHECKING:
    from chaos.context import Context
    from chaos.system import System
    from chaos.tweakwise import Tweakwise
    from webhook_app.inbox import Row

SECONDS = 90.0
RATE = 8.0  # events a second; ten times as many for a third of the time
SLOW, REFUSED = 1, 2  # the ranks of shops whose Tweakwise takes its time, and refuses the instance key
TAKES = 2.0  # seconds
KINDS = ("small", "large", "slow", "refused")
SMALL = 100  # shops of a higher rank are small: the first hundred have two thirds of all events
SETTLES_WITHIN = 300.0  # seconds; what waited for the two shops is sent at a rate that begins low
P95, LONGEST = 2.0, 30.0  # seconds until an event of a small shop is counted; the machine may be shared
MORE = 1.5  # times the wait of large shops, where that is long: then the whole machine is slow
ROOM = 64 * 1024  # KiB by which a process may grow, with what its first requests need
PAGE_WITHIN = 60.0  # seconds for the overview, on a machine that is shared
PAGE_EVERY = 10  # looks
EVERY = 1.0  # seconds between two looks at the processes
UNFINISHED = (State.RECEIVED, State.WAITING, State.DELIVERING)
SETTINGS = {
    "SHOPS": "",
    "WEB_CONCURRENCY": "2",
    "DASHBOARD_PASSWORD": clients.PASSWORD,
    "VISITOR_RATE": "100000",  # all views come from one address, each from a new visitor
    "SHOP_RATE": "100000",
}


def run(context: Context) -> None:
    """Of 1,000 shops' events at ten times the rate none is lost or counted twice, and no small shop's event waits."""
    if context.short:
        raise SkippedError("a thousand shops take longer than a short form may")
    _play(context, "")
    context.postgres()
    _play(context, " (PostgreSQL)")


def _play(context: Context, engine: str) -> None:
    tweakwise = context.tweakwise()
    tweakwise.delay = 0.01
    folder = many_shops.write(context.folder / f"shops{len(engine)}")
    system = context.system(tweakwise.url, None, SHOPS_FILE=str(folder), **SETTINGS)
    load_time = _load_time(system)
    watched = _Watched(context, system)
    tweakwise.failure, tweakwise.failing = "401", many_shops.key_of(REFUSED)
    tweakwise.delays = {many_shops.key_of(SLOW): TAKES}
    with many_shops.Crowd(system.port, RATE, SECONDS) as crowd:
        while not crowd.is_over:
            watched.look()
            time.sleep(EVERY)
    waiting = _correct(system, tweakwise)
    _check_ends(context, settled(system, SETTLES_WITHIN), crowd)
    figures: dict[str, object] = {
        "events": len(crowd.acknowledged),
        "seconds": round(crowd.took),
        "loading 1,000 shops (ms)": load_time,
        "refused tries": crowd.refusals,
        "waited for two shops": waiting,
        "slowest answer (s)": round(crowd.slowest, 2),
        "sent late by (s)": round(crowd.behind, 2),
        **watched.figures(),
        **_counted(context, crowd, tweakwise),
        **_waits(context, crowd, tweakwise),
    }
    context.figures |= {f"{name}{engine}": value for name, value in figures.items()}
    system.stop()


def _load_time(system: System) -> int:
    """Return the milliseconds in which the shops are loaded and validated."""
    began = time.perf_counter()
    _, shops = configuration.load(environ=system.environment)
    took = round((time.perf_counter() - began) * 1000)
    return took if len(shops) == many_shops.SHOPS else 0


def _correct(system: System, tweakwise: Tweakwise) -> int:
    """Correct what is out of order, as an operator does; return how many events waited for it."""
    tweakwise.failure, tweakwise.delays = "", {}
    with system.inbox() as inbox:
        names = [many_shops.name_of(rank) for rank in (SLOW, REFUSED)]
        waiting = sum(stored_deliveries.size(inbox, Selection(shop=name, states=UNFINISHED)) for name in names)
        operator_actions.resume(inbox, [Scope.shop(name) for name in names], names)
        return waiting


def _check_ends(context: Context, rows: list[Row], crowd: many_shops.Crowd) -> None:
    """Check that all is delivered but views whose first try was answered with 503 though it was stored."""
    ends = Counter((row.state, row.reason) for row in rows)
    repeated = ends.pop(("ignored", "repeated"), 0)
    context.expect(set(ends) == {("delivered", "")}, f"The deliveries ended as {ends}.")
    context.expect(repeated <= crowd.refusals.total(), f"{repeated} views were repeated.")
    context.expect(set(crowd.refusals) <= {"503"}, f"Refused: {dict(crowd.refusals)}")


def _counted(context: Context, crowd: many_shops.Crowd, tweakwise: Tweakwise) -> dict[str, int]:
    """Check that each event was counted once."""
    lost = set(crowd.acknowledged) - set(tweakwise.counted)
    twice = [name for name, times in tweakwise.counted.items() if times > 1]
    context.expect(not lost, f"{len(lost)} acknowledged events were never counted: {sorted(lost)[:3]}")
    context.expect(not twice, f"{len(twice)} events were counted twice: {sorted(twice)[:3]}")
    return {"lost": len(lost), "counted twice": len(twice)}


def _waits(context: Context, crowd: many_shops.Crowd, tweakwise: Tweakwise) -> dict[str, float]:
    """Check how long events waited after they were acknowledged."""
    waits: defaultdict[str, list[float]] = defaultdict(list)
    for name, sent in crowd.acknowledged.items():
        waits[_kind(sent.rank)].append(max(tweakwise.first.get(name, 0) - sent.at, 0))
    for each in waits.values():
        each.sort()
    p95, longest = quantile(waits["small"], 0.95), quantile(waits["small"], 1)
    bearable = max(P95, MORE * quantile(waits["large"], 0.95))
    context.expect(p95 < bearable, f"An event in twenty of a small shop waited for {p95:.1f} s.")
    context.expect(longest < LONGEST, f"An event of a small shop waited for {longest:.1f} s.")
    return {
        "small shops, p50 (s)": round(quantile(waits["small"], 0.5), 4),
        "small shops, longest (s)": round(longest, 2),
        **{f"{kind} shops, p95 (s)": round(quantile(waits[kind], 0.95), 3) for kind in KINDS},
    }


def _kind(rank: int) -> str:
    return "small" if rank > SMALL else {SLOW: "slow", REFUSED: "refused"}.get(rank, "large")


class _Watched:
    """A web server with two processes and two workers, and what they and the overview need while the events come."""

    def __init__(self, context: Context, system: System) -> None:
        self._context, self._system = context, system
        self._web, self._workers = system.start_web(), [system.start_worker(), system.start_worker()]
        self._memory: list[tuple[int, int]] = []  # KiB of the largest worker and web process
        self._pages: list[tuple[float, int]] = []  # seconds and bytes of the overview
        self._session = requests.Session()
        clients.sign_in(self._session, system.url)

    def look(self) -> None:
        """Note the memory of the processes, and ask for the overview at times."""
        worker = max(processes.allocated(worker.pid) for worker in self._workers)
        web = max(map(processes.allocated, processes.children(self._web.pid)), default=0)
        self._memory.append((worker, web))
        if len(self._memory) % PAGE_EVERY == 1:
            self._ask()

    def _ask(self) -> None:
        began = time.monotonic()
        answer = self._session.get(f"{self._system.url}/dashboard", timeout=PAGE_WITHIN)
        self._pages.append((time.monotonic() - began, len(answer.content)))
        self._context.expect(answer.ok and not answer.history, f"The overview answers {answer.status_code}.")

    def figures(self) -> dict[str, object]:
        """Return them, and check their limits."""
        self._session.close()
        self._context.expect_alive(self._system, web=self._web, worker=self._workers[0])
        workers, webs = zip(*self._memory, strict=True)
        for name, sizes in (("worker", workers), ("web process", webs)):
            self._context.expect(max(sizes) - sizes[0] < ROOM, f"A {name} grew by {max(sizes) - sizes[0]} KiB.")
        took = [seconds for seconds, _ in self._pages]
        return {
            "worker (MiB)": _range(workers),
            "web process (MiB)": _range(webs),
            "overview (KB)": round(self._pages[-1][1] / 1000),
            "overview, median (s)": round(median(took), 3),
            "overview, slowest (s)": round(max(took), 3),
        }


def _range(sizes: tuple[int, ...]) -> str:
    return f"{sizes[0] / 1024:.0f} at first, {max(sizes) / 1024:.0f} at most"
