"""Measures the inbox for the alert rules, once a minute: never reads deliveries that are settled and fine."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from webhook_app.alerts.rules import Measurements, SilentTopic
from webhook_app.inbox import activity
from webhook_app.inbox.activity import ActivityKind
from webhook_app.inbox.reports import backlog
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from webhook_app.inbox import Inbox
    from webhook_app.inbox.reports.backlog import Backlog, ShopCount

# All in milliseconds.
DIED_WITHIN = HOUR
RECENT, BEFORE = 2 * HOUR, 7 * DAY  # signature failures, and the period that shows what is usual
TWO_WEEKS = 14 * DAY
SETTLING = HOUR  # a younger delivery need not be settled yet

Totals = dict[tuple[str, str], int]


def measure(inbox: Inbox, shops: Collection[str], silent_for: float) -> Measurements:
    """Measure `shops`; topics received within `silent_for` seconds are not silent.

    Raises StoreUnavailableError.
    """
    now = inbox.clock()
    next_hour = now // HOUR * HOUR + HOUR
    recent, before = (next_hour - RECENT, next_hour), (next_hour - RECENT - BEFORE, next_hour - RECENT)
    day = (next_hour - HOUR - SETTLING - DAY, next_hour - HOUR - SETTLING)
    backlogs = [one for one in backlog.backlogs(inbox) if one.shop in shops]
    usual = _signatures(activity.totals(inbox, ActivityKind.REFUSAL, *before))
    recently_refused = _signatures(activity.totals(inbox, ActivityKind.REFUSAL, *recent))
    return Measurements(
        now,
        backlogs,
        inbox.throttles(),
        backlog.died(inbox, shops, now - DIED_WITHIN),
        {what: count for what, count in recently_refused.items() if what[0] in shops},
        {what: count * RECENT / BEFORE for what, count in usual.items()},
        _by_shop(activity.totals(inbox, ActivityKind.TOPIC, *recent)),
        _usually_accepted(inbox, before) if recently_refused else {},
        _last_accepted(inbox) if recently_refused else {},
        _silent(inbox, shops, now - int(silent_for * 1000)),
        _by_shop(activity.totals(inbox, ActivityKind.TOPIC, *day)),
        _missing(inbox, shops, backlogs, day),
    )


def _signatures(refused: Totals) -> Totals:
    return {what: count for what, count in refused.items() if what[1].startswith("signature_")}


def _usually_accepted(inbox: Inbox, before: tuple[int, int]) -> Mapping[str, float]:
    counted = _by_shop(activity.totals(inbox, ActivityKind.TOPIC, *before))
    return {shop: count * RECENT / BEFORE for shop, count in counted.items()}


def _last_accepted(inbox: Inbox) -> Mapping[str, int]:
    last: dict[str, int] = {}
    for one in activity.last_seen(inbox, ActivityKind.TOPIC):
        last[one.shop] = max(last.get(one.shop, 0), one.last_at)
    return last


def _by_shop(totals: Totals) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for (shop, _), count in totals.items():
        counts[shop] += count
    return counts


def _silent(inbox: Inbox, shops: Collection[str], since: int) -> list[SilentTopic]:
    """Return the topics that have not been received since then; one that is received as usual costs nothing here."""
    seen = [one for one in activity.last_seen(inbox, ActivityKind.TOPIC) if one.shop in shops and one.last_at < since]
    return [
        SilentTopic(one.shop, one.name, one.last_at, _hours(inbox, one.shop, one.name, one.last_at)) for one in seen
    ]


def _hours(inbox: Inbox, shop: str, topic: str, last_at: int) -> list[int]:
    hours = activity.by_hour(inbox, ActivityKind.TOPIC, last_at - TWO_WEEKS, last_at + 1, shop)
    return [one.hour for one in hours if one.name == topic]


def _missing(
    inbox: Inbox, shops: Collection[str], backlogs: Sequence[Backlog], day: tuple[int, int]
) -> list[ShopCount]:
    """Count the dead and the unfinished deliveries of the day; those just replayed need not be settled yet."""
    numbers = range(*(backlog.first_since(inbox, moment) for moment in day))
    late = {one.shop for one in backlogs}
    found = backlog.died(inbox, shops, day[0], numbers)
    if late:
        found += backlog.unfinished(inbox, late, numbers, inbox.clock() - SETTLING)
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.shop] += one.count
    return [replace(one, count=counts[one.shop]) for one in {one.shop: one for one in found}.values()]
