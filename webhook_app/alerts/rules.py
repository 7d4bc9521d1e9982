"""The alert rules: measurements in, findings out; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from webhook_app.formatting import counted, duration, percent
from webhook_app.reasons import titled
from webhook_app.time_units import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.inbox.reports.backlog import Backlog, ShopCount
    from webhook_app.throttling.state import Scope, ThrottleState

PERSISTENT = 3  # times in a row that a breaker opened; a shorter failure is no alert
# The instance key or the address is wrong: nothing is sent until someone corrects it.
REFUSED = ("http_401", "http_403", "http_404", "http_3")
SIGNATURE_PERIOD = 2 * HOUR
SHORTEST_GAP, MISSED = HOUR // 6, 3  # a shop's webhooks fail when that many in a row, at the usual rate, are missing
SPIKE = 5  # times the usual number of signature failures
USUAL_DAYS, USUAL_HOURS = 4, 8  # in which a topic must have been received before its silence is an alert
LONGER = 1.5  # times the longest silence of the last two weeks
ACCOUNTED = 0.999  # share of a day's deliveries that must be delivered or ignored
FEWEST = 100  # deliveries in a day; with fewer, a share of 0.999 has no meaning


class AlertKind(StrEnum):
    """The kind of problem that an alert is about."""

    OLDEST = "oldest"  # an event waits too long
    BREAKER = "breaker"  # no event is sent
    DEAD = "dead"  # deliveries were given up
    SIGNATURES = "signatures"  # the signatures of webhooks are missing or invalid
    SILENCE = "silence"  # a topic that used to be received is missing
    ACCOUNTING = "accounting"  # too many deliveries of a day are neither delivered nor ignored


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The configured limits: two in seconds, and the number of signature failures in two hours."""

    older_than: float
    silent_for: float
    refusals: int


@dataclass(frozen=True, slots=True)
class AlertFinding:
    """One problem that needs attention. `detail` is the scope, topic or reason, `sample` the number of a delivery."""

    kind: AlertKind
    shop: str
    text: str
    detail: str = ""
    topic: str = ""
    sample: int | None = None

    @property
    def name(self) -> str:
        """The identity of the problem: the same for as long as it lasts."""
        return f"{self.kind} {self.shop} {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class SilentTopic:
    """A topic that has not been received for a while: when it last was, and in which hours of the two weeks before."""

    shop: str
    topic: str
    last_at: int
    hours: Sequence[int]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The input of the rules. Times are milliseconds since 1970 UTC.

    `refused` and `usually_refused` count signature failures by shop and reason, in the last two hours and in an average
    two hours; `accepted` and `usually_accepted` count deliveries by shop in the same way, `last_accepted` is when the
    last one arrived. `arrived` and `missing` count deliveries by
    shop on a day that ended an hour ago: all of them, and those that are neither delivered nor ignored.
    """

    now: int
    backlogs: Sequence[Backlog] = ()
    throttles: Mapping[Scope, ThrottleState] = field(default_factory=dict)
    died: Sequence[ShopCount] = ()
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    usually_refused: Mapping[tuple[str, str], float] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    usually_accepted: Mapping[str, float] = field(default_factory=dict)
    last_accepted: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[SilentTopic] = ()
    arrived: Mapping[str, int] = field(default_factory=dict)
    missing: Sequence[ShopCount] = ()


def findings(measured: Measurements, thresholds: Thresholds) -> list[AlertFinding]:
    """Return the problems that need attention now."""
    return [
        *_oldest(measured, thresholds),
        *_breakers(measured),
        *_dead(measured),
        *_signatures(measured, thresholds),
        *_silences(measured, thresholds),
        *_accounting(measured),
    ]


def _oldest(measured: Measurements, thresholds: Thresholds) -> Iterator[AlertFinding]:
    for one in measured.backlogs:
        age = measured.now - one.oldest
        if age > thresholds.older_than * SECOND:
            waiting = counted(sum(one.states.values()), "event is", "events are")
            text = f"{one.shop}: an event has been waiting for {duration(age)}; {waiting} waiting in all."
            yield AlertFinding(AlertKind.OLDEST, one.shop, text, sample=one.first)


def _breakers(measured: Measurements) -> Iterator[AlertFinding]:
    """If Tweakwise itself cannot be reached, that is one finding, without another for each of its shops."""
    first = {one.shop: one.first for one in measured.backlogs}
    open_ones = {scope: throttle for scope, throttle in measured.throttles.items() if _is_persistent(throttle)}
    tweakwise_is_down = any(not scope.is_shop for scope in open_ones)
    for scope, throttle in open_ones.items():
        if throttle.reason.startswith(REFUSED) or not (tweakwise_is_down and scope.is_shop):
            shop = scope.name if scope.is_shop else ""
            stopped = f"{shop}: no events are sent" if shop else f"no events are sent to {scope.name}"
            text = (
                f"{stopped}, because Tweakwise cannot be reached or refuses them: {titled(throttle.reason)}. "
                "Events wait; none is lost."
            )
            yield AlertFinding(AlertKind.BREAKER, shop, text, detail=str(scope), sample=first.get(shop))


def _is_persistent(throttle: ThrottleState) -> bool:
    return throttle.is_open and (throttle.pauses >= PERSISTENT or throttle.reason.startswith(REFUSED))


def _dead(measured: Measurements) -> Iterator[AlertFinding]:
    for one in measured.died:
        given_up = counted(one.count, "delivery was", "deliveries were")
        text = f"{one.shop}: {given_up} given up in the last hour and will not reach Tweakwise without a replay."
        yield AlertFinding(AlertKind.DEAD, one.shop, text, sample=one.newest)


def _signatures(measured: Measurements, thresholds: Thresholds) -> Iterator[AlertFinding]:
    for (shop, reason), count in measured.refused.items():
        is_spike = count >= max(thresholds.refusals, SPIKE * measured.usually_refused.get((shop, reason), 0.0))
        if is_spike and not _genuine_ones_pass(measured, shop):
            text = (
                f"{shop}: {count} webhooks were refused in the last two hours ({reason}), "
                f"{measured.accepted.get(shop, 0)} were accepted."
            )
            yield AlertFinding(AlertKind.SIGNATURES, shop, text, detail=reason)


def _genuine_ones_pass(measured: Measurements, shop: str) -> bool:
    """Return whether webhooks of a shop are accepted as usual: then those with a wrong signature are forged."""
    accepted, last = measured.accepted.get(shop, 0), measured.last_accepted.get(shop)
    if not accepted or last is None:
        return False
    usual_gap = SIGNATURE_PERIOD / max(accepted, measured.usually_accepted.get(shop, 0.0))
    return measured.now - last <= max(SHORTEST_GAP, MISSED * usual_gap)


def _silences(measured: Measurements, thresholds: Thresholds) -> Iterator[AlertFinding]:
    for one in measured.silent:
        silence, usual = measured.now - one.last_at, longest_silence(one.hours)
        if usual is not None and silence > max(thresholds.silent_for * SECOND, LONGER * usual):
            text = (
                f"{one.shop}: no {one.topic} for {duration(silence)}; in the two weeks before, "
                f"the longest time without one was {duration(usual)}."
            )
            yield AlertFinding(AlertKind.SILENCE, one.shop, text, detail=one.topic, topic=one.topic)


def longest_silence(hours: Sequence[int]) -> int | None:
    """Return the longest time between two of `hours`, None if they are too few to expect the topic at all."""
    if len(hours) < USUAL_HOURS or len({hour // DAY for hour in hours}) < USUAL_DAYS:
        return None
    return max(after - before for before, after in pairwise(sorted(hours)))


def _accounting(measured: Measurements) -> Iterator[AlertFinding]:
    for one in measured.missing:
        arrived = measured.arrived.get(one.shop, 0)
        if arrived >= FEWEST and one.count / arrived > 1 - ACCOUNTED:
            text = (
                f"{one.shop}: of {arrived} deliveries of a day, {one.count} are neither delivered nor ignored; "
                f"{percent(1 - one.count / arrived)} are accounted for."
            )
            yield AlertFinding(AlertKind.ACCOUNTING, one.shop, text, sample=one.newest)
