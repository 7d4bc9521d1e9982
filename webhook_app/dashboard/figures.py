"""Figures over time, of one shop or of several: totals, the chart, times, and why something was not sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from webhook_app import formatting
from webhook_app.dashboard import charts
from webhook_app.dashboard.context import current
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.reports import time_series
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from webhook_app.inbox.reports.time_series import Bar

# The number of bars, and the hours in each.
RANGES = {"24h": (24, 1), "7d": (28, 6), "30d": (30, 24)}
KINDS = ("delivered", "ignored", "waiting", "dead")


def figures(shops: Collection[str] | None) -> dict[str, Any]:
    """Return what the template shows of `shops`, of all of them for None, over the range that the request names."""
    inbox, asked = current().inbox, request.args.get("range") or "24h"
    chosen = asked if asked in RANGES else "24h"
    bar_count, hours = RANGES[chosen]
    now, span = inbox.clock(), time_series.span(inbox.clock(), bar_count, hours)
    series = time_series.series(inbox, span, shops)
    durations = time_series.latest_waits(inbox, shops)
    return {
        "ranges": RANGES,
        "chosen": chosen,
        "wrong_range": asked != chosen,
        "totals": grouped(_added(bar.states for bar in series.bars)),
        "since": span.since * HOUR,
        "now": now,
        "bars": series.bars,
        "chart": charts.stacked([_labelled(bar, hours) for bar in series.bars], KINDS),
        "percentiles": {name: time_series.percentile(durations, part) for name, part in (("p50", 0.5), ("p95", 0.95))},
        "ignored": series.ignored,
        "dead": series.dead,
        "accepts": _accepts(now, shops),
    }


def grouped(states: Mapping[str, int]) -> dict[str, int]:
    """Add up states: received, delivered, ignored, waiting (everything unfinished) and dead."""
    waiting = sum(states.get(state, 0) for state in UNFINISHED)
    kinds = {kind: states.get(kind, 0) for kind in KINDS} | {"waiting": waiting}
    return {"received": sum(kinds.values()), **kinds}


def _added(all_states: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added: dict[str, int] = {}
    for states in all_states:
        for state, number in states.items():
            added[state] = added.get(state, 0) + number
    return added


def _labelled(bar: Bar, hours: int) -> tuple[str, str, dict[str, int]]:
    counts = grouped(bar.states)
    begin = formatting.date_and_time(bar.hour * HOUR)
    label = begin[11:16] if hours == 1 else begin[5:10]
    outcomes = ", ".join(f"{formatting.number(counts[kind])} {kind}" for kind in KINDS if counts[kind]) or "nothing"
    return label, f"{begin[:16]}: {outcomes}", counts


def _accepts(now: int, shops: Collection[str] | None) -> dict[str, int]:
    """Return the milliseconds within which 50 % and 95 % of a day's webhooks were stored; empty without any."""
    only, steps = next(iter(shops)) if shops and len(shops) == 1 else None, dict[int, int]()
    for (shop, name), number in activity.totals(current().inbox, ActivityKind.ACCEPT, now - DAY, now, only).items():
        if shops is None or shop in shops:
            steps[int(name)] = steps.get(int(name), 0) + number
    total = sum(steps.values())
    return {name: step_of(steps, part * total) for name, part in (("p50", 0.5), ("p95", 0.95))} if total else {}


def step_of(steps: Mapping[int, int], wanted: float) -> int:
    """Return the smallest step up to which `wanted` are counted."""
    below = 0
    for step in sorted(steps):
        below += steps[step]
        if below >= wanted:
            return step
    return max(steps, default=0)
