"""The overview: how it stands, in total and by shop, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import render_template, request, url_for

from webhook_app.alerts.rules import LONGER, longest_silence
from webhook_app.dashboard import charts, formatting
from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import current
from webhook_app.inbox import State, activity, statistics
from webhook_app.inbox.activity import ActivityKind
from webhook_app.inbox.reports import time_series
from webhook_app.inbox.reports.backlog import UNFINISHED, backlogs
from webhook_app.throttling import circuit_breaker, descriptions
from webhook_app.throttling.state import Scope
from webhook_app.time_units import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.inbox.reports.time_series import Bar
    from webhook_app.inbox.statistics import Progress
    from webhook_app.throttling.state import ThrottleState

# Bars, and hours of each.
RANGES = {"24h": (24, 1), "7d": (28, 6), "30d": (30, 24)}
KINDS = ("delivered", "ignored", "waiting", "dead")
DAY = 24  # hours
USUAL = 14 * DAY * HOUR  # milliseconds looked back to learn how long a topic is usually silent
LEAST_MISSED = 3 * HOUR  # milliseconds; before that nobody is told
TOO_OLD = 15 * 60 * 1000  # milliseconds an event may wait before it is a warning


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs a person, and where to look."""

    text: str
    link: str = ""
    grave: bool = False


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One topic of one shop: when it last came, and how long it was silent at the most, in milliseconds.

    `usual` is None where too little came to tell.
    """

    shop: str
    topic: str
    last_at: int
    usual: int | None

    def is_missed(self, now: int) -> bool:
        """Whether it is silent for longer than it usually is."""
        return self.usual is not None and now - self.last_at > max(LEAST_MISSED, LONGER * self.usual)


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One row of the table of shops; `pace` says in a word or two how its breaker and rate stand."""

    name: str
    counts: Mapping[str, int]
    backlog: Backlog | None
    pace: str
    is_open: bool


@gate.get("", strict_slashes=False, endpoint="overview")
def show() -> ResponseReturnValue:
    """Show everything, or one shop."""
    inbox = current().inbox
    chosen = request.args.get("range", "24h")
    bars, hours = RANGES.get(chosen, RANGES["24h"])
    shop = request.args.get("shop") or None
    progress = statistics.refresh(inbox)
    now, over = inbox.clock(), time_series.span(inbox.clock(), bars, hours)
    over_time = time_series.over_time(inbox, over, shop)
    throttles = inbox.throttles()
    shops = _shops(time_series.by_shop(inbox, over), backlogs(inbox), throttles, now)
    shown = [line for line in shops if shop in (None, line.name)]
    topics = _topics(now, shop)
    waits = time_series.latest_waits(inbox, shop)
    return render_template(
        "dashboard/overview.html",
        chosen=chosen if chosen in RANGES else "24h",
        ranges=RANGES,
        shop=shop,
        shops=shown,
        names=sorted({*current().shops, *(line.name for line in shops)}),
        totals=grouped(_added(bar.states for bar in over_time)),
        since=over.since * HOUR,
        now=now,
        bars=over_time,
        chart=charts.stacked([_labelled(bar, hours) for bar in over_time], KINDS),
        waited=charts.sparkline([bar.waited for bar in over_time]),
        percentiles={name: time_series.percentile(waits, share) for name, share in (("p50", 0.5), ("p95", 0.95))},
        oldest=max((now - line.backlog.oldest for line in shown if line.backlog), default=None),
        ignored=time_series.reasons(inbox, over, State.IGNORED, shop),
        dead=time_series.reasons(inbox, over, State.DEAD, shop),
        refusals=_refusals(over.since * HOUR, shop),
        accepts=_accepts(over.since * HOUR, shop),
        topics=topics,
        progress=progress,
        warnings=_warnings(shown, topics, throttles, progress, now),
    )


def grouped(states: Mapping[str, int]) -> dict[str, int]:
    """Add up by what a person asks for: delivered, ignored, waiting (whatever is unfinished), dead; and received."""
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
    begin = formatting.moment(bar.hour * HOUR)
    label = begin[11:16] if hours == 1 else begin[5:10]
    told = ", ".join(f"{formatting.number(counts[kind])} {kind}" for kind in KINDS if counts[kind]) or "nothing"
    return label, f"{begin[:16]}: {told}", counts


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
    slow = f"slowed to {rate:.3g} a second" if rate else "closed, full speed"
    return ShopLine(name, grouped(counts), backlog, "breaker open" if is_open else slow, is_open)


def _topics(now: int, shop: str | None) -> list[TopicLine]:
    inbox = current().inbox
    hours: dict[tuple[str, str], list[int]] = {}
    for seen in activity.by_hour(inbox, ActivityKind.TOPIC, now - USUAL, shop=shop):
        hours.setdefault((seen.shop, seen.name), []).append(seen.hour)
    known = activity.last_seen(inbox, ActivityKind.TOPIC, shop)
    return [
        TopicLine(one.shop, one.name, one.last_at, longest_silence(hours.get((one.shop, one.name), [])))
        for one in known
    ]


def _refusals(since: int, shop: str | None) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for seen in activity.by_hour(current().inbox, ActivityKind.REFUSAL, since, shop=shop):
        counts[seen.shop, seen.name] = counts.get((seen.shop, seen.name), 0) + seen.count
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _warnings(
    shops: Sequence[ShopLine],
    topics: Sequence[TopicLine],
    throttles: Mapping[Scope, ThrottleState],
    progress: Progress,
    now: int,
) -> list[Notice]:
    return [
        *_held_up(throttles.values(), {line.name for line in shops}, now),
        *(warning for line in shops for warning in _of_shop(line, now)),
        *(_silent(one, now) for one in topics if one.is_missed(now)),
        *_uncounted(progress),
    ]


def _held_up(throttles: Iterable[ThrottleState], shops: set[str], now: int) -> list[Notice]:
    theirs = [throttle for throttle in throttles if throttle.scope.applies_to(shops)]
    said = [(descriptions.sentences(throttle, now), throttle.is_open) for throttle in theirs]
    return [Notice(sentence, grave=is_open) for sentence, is_open in said if sentence]


def _accepts(since: int, shop: str | None) -> dict[str, int]:
    """Return in how many milliseconds half and nearly all webhooks were stored; empty where none was."""
    steps: dict[int, int] = {}
    for seen in activity.by_hour(current().inbox, ActivityKind.ACCEPT, since, shop=shop):
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


def _of_shop(line: ShopLine, now: int) -> list[Notice]:
    found = []
    if line.backlog and now - line.backlog.oldest > TOO_OLD:
        text = (
            f"{line.name}: the oldest waiting event has been here for {formatting.lasting(now - line.backlog.oldest)}."
        )
        found.append(Notice(text, url_for(".deliveries", shop=line.name, state="waiting"), grave=True))
    if dead := line.counts["dead"]:
        text = f"{line.name}: {formatting.number(dead)} dead; a person has to look."
        found.append(Notice(text, url_for(".deliveries", shop=line.name, state="dead"), grave=True))
    return found


def _silent(line: TopicLine, now: int) -> Notice:
    usual = f"in the last two weeks it was never silent for more than {formatting.lasting(line.usual)}"
    return Notice(f"{line.shop}: no {line.topic} for {formatting.lasting(now - line.last_at)}; {usual}.")


def _uncounted(progress: Progress) -> list[Notice]:
    if not progress.uncounted:
        return []
    share = formatting.percent(1 - progress.uncounted / progress.blocks)
    return [Notice(f"Still counting: the figures hold {share} of all deliveries. Reload in a moment.")]
