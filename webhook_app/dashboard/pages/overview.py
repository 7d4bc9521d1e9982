"""The overview: figures in total and by shop, and everything that needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from webhook_app import formatting
from webhook_app.dashboard import charts, counts
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.attention import attention, problems
from webhook_app.dashboard.context import current, scope, user, visible
from webhook_app.dashboard.rendering import render
from webhook_app.health.checks.receiving import longest_silence
from webhook_app.inbox import State, activity
from webhook_app.inbox.activity import ActivityKind
from webhook_app.inbox.reports import time_series
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs
from webhook_app.throttling import circuit_breaker, descriptions
from webhook_app.throttling.state import Scope
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.inbox.reports.time_series import Bar
    from webhook_app.throttling.state import ThrottleState

# The number of bars, and the hours in each.
RANGES = {"24h": (24, 1), "7d": (28, 6), "30d": (30, 24)}
KINDS = ("delivered", "ignored", "waiting", "dead")
USUAL = 14 * DAY  # milliseconds in which the usual silence of a topic is measured


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One topic of one shop: when it was last received, and its longest usual silence, in milliseconds.

    `usual` is None if it was received too seldom to know.
    """

    shop: str
    topic: str
    last_at: int
    usual: int | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One row of the table of shops; `throttling` describes its circuit breaker and rate."""

    name: str
    counts: Mapping[str, int]
    backlog: Backlog | None
    throttling: str
    is_open: bool


@blueprint.get("", strict_slashes=False, endpoint="overview")
def show() -> ResponseReturnValue:
    """Show all shops, or one."""
    inbox = current().inbox
    chosen = request.args.get("range", "24h")
    bar_count, hours = RANGES.get(chosen, RANGES["24h"])
    shop = request.args.get("shop") or None
    progress = counts.refresh()
    now, span = inbox.clock(), time_series.span(inbox.clock(), bar_count, hours)
    seen = scope(shop)
    bars = time_series.over_time(inbox, span, seen)
    shops = _shops(time_series.by_shop(inbox, span), backlogs(inbox), inbox.throttles(), now)
    shown = [line for line in shops if seen is None or line.name in seen]
    durations = time_series.latest_waits(inbox, seen)
    return render(
        "dashboard/overview.html",
        chosen=chosen if chosen in RANGES else "24h",
        ranges=RANGES,
        shop=shop,
        shops=shown,
        names=visible(sorted({*current().shops, *(line.name for line in shops)})),
        totals=grouped(_added(bar.states for bar in bars)),
        since=span.since * HOUR,
        now=now,
        bars=bars,
        chart=charts.stacked([_labelled(bar, hours) for bar in bars], KINDS),
        percentiles={name: time_series.percentile(durations, share) for name, share in (("p50", 0.5), ("p95", 0.95))},
        oldest=max((now - line.backlog.oldest for line in shown if line.backlog), default=None),
        ignored=time_series.reasons(inbox, span, State.IGNORED, seen),
        dead=time_series.reasons(inbox, span, State.DEAD, seen),
        refusals=_refusals(span.since * HOUR, shop),
        accepts=_accepts(span.since * HOUR, shop),
        topics=_topics(now, shop),
        progress=progress,
        attention=attention(shop),
        muted=[one for one in problems(shop) if one.muted],
    )


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


def _shops(
    counts: Mapping[str, Mapping[str, int]],
    backlogs: Sequence[Backlog],
    throttles: Mapping[Scope, ThrottleState],
    now: int,
) -> list[ShopLine]:
    waiting = {backlog.shop: backlog for backlog in backlogs}
    names = sorted({*current().shops, *counts, *waiting})
    return [
        _shop(name, counts.get(name, {}), waiting.get(name), throttles.get(Scope.shop(name)), now) for name in names
    ]


def _shop(
    name: str, counts: Mapping[str, int], backlog: Backlog | None, throttle: ThrottleState | None, now: int
) -> ShopLine:
    is_open = throttle is not None and throttle.is_open
    rate = circuit_breaker.current_rate(throttle, now, None) if throttle else None
    running = f"limited to {descriptions.calls(rate)} calls a second" if rate else "closed, full speed"
    paused = (descriptions.paused_until(throttle, now) or "testing with one call") if throttle and is_open else running
    return ShopLine(name, grouped(counts), backlog, paused, is_open)


def _topics(now: int, shop: str | None) -> list[TopicLine]:
    inbox = current().inbox
    hours: dict[tuple[str, str], list[int]] = {}
    for seen in activity.by_hour(inbox, ActivityKind.TOPIC, now - USUAL, shop=shop):
        hours.setdefault((seen.shop, seen.name), []).append(seen.hour)
    silent = {(one.shop, one.topic) for one in current().health.findings() if one.check == "silence"}
    known = activity.last_seen(inbox, ActivityKind.TOPIC, shop)
    return [
        TopicLine(
            one.shop,
            one.name,
            one.last_at,
            longest_silence(hours.get((one.shop, one.name), [])),
            (one.shop, one.name) in silent,
        )
        for one in known
        if user().sees(one.shop)
    ]


def _refusals(since: int, shop: str | None) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for seen in activity.by_hour(current().inbox, ActivityKind.REFUSAL, since, shop=shop):
        if not user().sees(seen.shop):
            continue
        counts[seen.shop, seen.name] = counts.get((seen.shop, seen.name), 0) + seen.count
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _accepts(since: int, shop: str | None) -> dict[str, int]:
    """Return the milliseconds within which 50 % and 95 % of the webhooks were stored; empty without any."""
    steps: dict[int, int] = {}
    for seen in activity.by_hour(current().inbox, ActivityKind.ACCEPT, since, shop=shop):
        if not user().sees(seen.shop):
            continue
        steps[int(seen.name)] = steps.get(int(seen.name), 0) + seen.count
    total = sum(steps.values())
    return {name: _step(steps, share * total) for name, share in (("p50", 0.5), ("p95", 0.95))} if total else {}


def _step(steps: Mapping[int, int], wanted: float) -> int:
    below = 0
    for step in sorted(steps):
        below += steps[step]
        if below >= wanted:
            return step
    return 0
