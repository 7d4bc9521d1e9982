"""Finds everything on the overview that needs attention: open breakers, long waits, dead deliveries, silent topics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import url_for

from webhook_app import formatting
from webhook_app.alerts.rules import LONGER
from webhook_app.throttling import descriptions
from webhook_app.time_units import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from webhook_app.config.shop_addresses import AddressProblem
    from webhook_app.inbox.reports.backlog import Backlog
    from webhook_app.inbox.statistics import Progress
    from webhook_app.throttling.state import Scope, ThrottleState

LEAST_SILENCE = 3 * HOUR  # milliseconds; a shorter silence is never a warning
TOO_OLD = 15 * MINUTE  # milliseconds that an event may wait before it is a warning


@dataclass(frozen=True, slots=True)
class AttentionItem:
    """Something that needs attention, with a link to it."""

    text: str
    link: str = ""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One topic of one shop: when it was last received, and its longest usual silence, in milliseconds.

    `usual` is None if it was received too seldom to know.
    """

    shop: str
    topic: str
    last_at: int
    usual: int | None

    def is_silent(self, now: int) -> bool:
        """Whether its silence is longer than usual."""
        return self.usual is not None and now - self.last_at > max(LEAST_SILENCE, LONGER * self.usual)


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One row of the table of shops; `throttling` describes its circuit breaker and rate."""

    name: str
    counts: Mapping[str, int]
    backlog: Backlog | None
    throttling: str
    is_open: bool


def attention(  # noqa: PLR0913, PLR0917 - all that is looked at
    shops: Sequence[ShopLine],
    topics: Sequence[TopicLine],
    throttles: Mapping[Scope, ThrottleState],
    progress: Progress,
    now: int,
    addresses: Iterable[AddressProblem] = (),
) -> list[AttentionItem]:
    """Return everything that needs attention now."""
    return [
        *_held_up(throttles.values(), {line.name for line in shops}, now),
        *(warning for line in shops for warning in _of_shop(line, now)),
        *(_silent(one, now) for one in topics if one.is_silent(now)),
        *(AttentionItem(f"{one.text} {one.advice}", url_for(".setup")) for one in addresses),
        *_uncounted(progress),
    ]


def _held_up(throttles: Iterable[ThrottleState], shops: set[str], now: int) -> list[AttentionItem]:
    theirs = [throttle for throttle in throttles if throttle.scope.applies_to(shops)]
    described = [(descriptions.sentences(throttle, now), throttle.is_open) for throttle in theirs]
    return [
        AttentionItem(f"{sentence[0].upper()}{sentence[1:]}", is_error=is_open)
        for sentence, is_open in described
        if sentence
    ]


def _of_shop(line: ShopLine, now: int) -> list[AttentionItem]:
    found = []
    if line.backlog and now - line.backlog.oldest > TOO_OLD:
        text = (
            f"{line.name}: the oldest waiting event has been waiting for "
            f"{formatting.duration(now - line.backlog.oldest)}."
        )
        found.append(AttentionItem(text, url_for(".deliveries", shop=line.name, state="waiting"), is_error=True))
    if dead := line.counts["dead"]:
        text = f"{line.name}: {formatting.counted(dead, 'dead delivery needs', 'dead deliveries need')} attention."
        found.append(AttentionItem(text, url_for(".deliveries", shop=line.name, state="dead"), is_error=True))
    return found


def _silent(line: TopicLine, now: int) -> AttentionItem:
    usual = f"in the last two weeks its longest silence was {formatting.duration(line.usual)}"
    return AttentionItem(f"{line.shop}: no {line.topic} for {formatting.duration(now - line.last_at)}; {usual}.")


def _uncounted(progress: Progress) -> list[AttentionItem]:
    if not progress.uncounted:
        return []
    share = formatting.percent(1 - progress.uncounted / progress.blocks)
    return [AttentionItem(f"Still counting: the figures include {share} of all deliveries so far. Reload in a moment.")]
