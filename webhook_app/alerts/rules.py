"""What a person should know of: from measured to findings, and pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.inbox.reports.backlog import Backlog, ShopCount
    from webhook_app.throttling.state import Scope, ThrottleState

LASTING = 3  # times in a row that a breaker opened; what passes within seconds is nobody's business
REFUSED = ("http_401", "http_403", "http_404", "http_3")  # nothing goes until a person corrects the key or the address
SPIKE = 5  # times what is usual
USUAL_DAYS, USUAL_HOURS = 4, 8  # on how many days, in how many hours a topic came that is missed
LONGER = 1.5  # than the longest silence of the last two weeks
ACCOUNTED = 0.999  # of what arrived in a day
FEWEST = 100  # arrivals in a day of which one in a thousand says anything


class AlertKind(StrEnum):
    """What an alert is about."""

    OLDEST = "oldest"  # an event waits too long
    BREAKER = "breaker"  # nothing is sent
    DEAD = "dead"  # deliveries were given up
    SIGNATURES = "signatures"  # webhooks do not prove themselves
    SILENCE = "silence"  # a topic that used to come does not
    ACCOUNTING = "accounting"  # too much of a day is neither delivered nor ignored


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on something is worth an alert: seconds, and signature failures in two hours."""

    older_than: float
    silent_for: float
    refusals: int


@dataclass(frozen=True, slots=True)
class AlertFinding:
    """Something that a person should know; `name` is the same as long as it is the same trouble."""

    kind: AlertKind
    shop: str
    text: str
    of: str = ""  # the lane, topic or reason within the shop
    topic: str = ""
    sample: int | None = None

    @property
    def name(self) -> str:
        """What tells it apart from others."""
        return f"{self.kind} {self.shop} {self.of}".strip()


@dataclass(frozen=True, slots=True)
class SilentTopic:
    """A topic that has not come for a while: its last arrival, and in which hours it came in the two weeks before."""

    shop: str
    topic: str
    last_at: int
    hours: Sequence[int]


@dataclass(frozen=True, slots=True)
class Measurements:
    """What the inbox says. Times are milliseconds since 1970 UTC.

    `refused` and `usually_refused` are signature failures by shop and reason, in about two hours and on average in as
    long; `accepted` is by shop in the former; `arrived`, `missing` are by shop in a day that ended an hour ago.
    """

    now: int
    backlogs: Sequence[Backlog] = ()
    throttles: Mapping[Scope, ThrottleState] = field(default_factory=dict)
    died: Sequence[ShopCount] = ()
    refused: Mapping[tuple[str, str], int] = field(default_factory=dict)
    usually_refused: Mapping[tuple[str, str], float] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    silent: Sequence[SilentTopic] = ()
    arrived: Mapping[str, int] = field(default_factory=dict)
    missing: Sequence[ShopCount] = ()


def findings(measured: Measurements, limits: Thresholds) -> list[AlertFinding]:
    """Return what is worth an alert now."""
    return [
        *_oldest(measured, limits),
        *_breakers(measured),
        *_dead(measured),
        *_signatures(measured, limits),
        *_silences(measured, limits),
        *_accounting(measured),
    ]


def _oldest(measured: Measurements, limits: Thresholds) -> Iterator[AlertFinding]:
    for one in measured.backlogs:
        age = measured.now - one.oldest
        if age > limits.older_than * 1000:
            text = f"{one.shop}: an event has been waiting for {duration(age)}; {sum(one.states.values())} wait in all."
            yield AlertFinding(AlertKind.OLDEST, one.shop, text, sample=one.first)


def _breakers(measured: Measurements) -> Iterator[AlertFinding]:
    """Where a Tweakwise cannot be reached, each of its shops cannot reach it either: that is told once."""
    first = {one.shop: one.first for one in measured.backlogs}
    lasting = {
        scope: throttle for scope, throttle in measured.throttles.items() if throttle.is_open and _lasts(throttle)
    }
    all_of_it = any(not scope.is_shop for scope in lasting)
    for scope, throttle in lasting.items():
        if throttle.reason.startswith(REFUSED) or not (all_of_it and scope.is_shop):
            shop = scope.name if scope.is_shop else ""
            what = f"{shop}: nothing is sent" if shop else f"nothing is sent to {scope.name}"
            why = f"Tweakwise cannot be reached or refuses it ({throttle.reason})"
            text = f"{what}, because {why}. Events wait, none is lost."
            yield AlertFinding(AlertKind.BREAKER, shop, text, of=str(scope), sample=first.get(shop))


def _lasts(throttle: ThrottleState) -> bool:
    return throttle.pauses >= LASTING or throttle.reason.startswith(REFUSED)


def _dead(measured: Measurements) -> Iterator[AlertFinding]:
    for one in measured.died:
        text = f"{one.shop}: {one.count} deliver{'ies were' if one.count > 1 else 'y was'} given up in the last hour."
        yield AlertFinding(AlertKind.DEAD, one.shop, text, sample=one.newest)


def _signatures(measured: Measurements, limits: Thresholds) -> Iterator[AlertFinding]:
    for (shop, reason), count in measured.refused.items():
        if count >= max(limits.refusals, SPIKE * measured.usually_refused.get((shop, reason), 0.0)):
            text = (
                f"{shop}: {count} webhooks were refused as {reason} in the last two hours, "
                f"{measured.accepted.get(shop, 0)} were accepted."
            )
            yield AlertFinding(AlertKind.SIGNATURES, shop, text, of=reason)


def _silences(measured: Measurements, limits: Thresholds) -> Iterator[AlertFinding]:
    for one in measured.silent:
        silence, usual = measured.now - one.last_at, longest_silence(one.hours)
        if usual is not None and silence > max(limits.silent_for * 1000, LONGER * usual):
            text = (
                f"{one.shop}: no {one.topic} for {duration(silence)}; in the two weeks before, "
                f"the longest time without one was {duration(usual)}."
            )
            yield AlertFinding(AlertKind.SILENCE, one.shop, text, of=one.topic, topic=one.topic)


def longest_silence(hours: Sequence[int]) -> int | None:
    """Return the longest time between two of `hours`, or None where they are too few to be missed."""
    if len(hours) < USUAL_HOURS or len({hour // DAY for hour in hours}) < USUAL_DAYS:
        return None
    return max(after - before for before, after in pairwise(sorted(hours)))


def _accounting(measured: Measurements) -> Iterator[AlertFinding]:
    for one in measured.missing:
        arrived = measured.arrived.get(one.shop, 0)
        if arrived >= FEWEST and one.count / arrived > 1 - ACCOUNTED:
            share = 100 * (1 - one.count / arrived)
            text = (
                f"{one.shop}: of {arrived} webhooks of a day, {one.count} are neither delivered nor ignored: "
                f"{share:.2f} % are accounted for."
            )
            yield AlertFinding(AlertKind.ACCOUNTING, one.shop, text, sample=one.newest)


def duration(milliseconds: int) -> str:
    """Write a duration for people, in one unit."""
    whole = timedelta(milliseconds=milliseconds)
    for unit, size in (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1))):
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole // timedelta(seconds=1)} seconds"
