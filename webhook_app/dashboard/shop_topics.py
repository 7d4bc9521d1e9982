"""What a shop sent of late: its topics with their usual silences, and the requests of it that were refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app.dashboard.context import current
from webhook_app.health.checks.receiving import longest_silence
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from webhook_app.inbox import Inbox

USUAL = 14 * DAY  # milliseconds in which the usual silence of a topic is measured


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One topic of a shop: when it was last received, and its longest usual silence, in milliseconds.

    `usual` is None if it was received too seldom to know.
    """

    topic: str
    last_at: int
    usual: int | None
    is_silent: bool


def topics(shop: str) -> list[TopicLine]:
    """Return the topics that a shop has sent. Raises StoreUnavailableError."""
    inbox, hours = current().inbox, dict[str, list[int]]()
    for seen in activity.by_hour(inbox, ActivityKind.TOPIC, inbox.clock() - USUAL, shop=shop):
        hours.setdefault(seen.name, []).append(seen.hour)
    silent = {one.topic for one in current().health.findings() if one.check == "silence" and one.shop == shop}
    return [
        TopicLine(one.name, one.last_at, longest_silence(hours.get(one.name, [])), one.name in silent)
        for one in activity.last_seen(inbox, ActivityKind.TOPIC, shop)
    ]


def refusals(inbox: Inbox, shop: str, since: int) -> dict[str, int]:
    """Return how many requests of a shop were refused since then, by reason. Raises StoreUnavailableError."""
    found = activity.totals(inbox, ActivityKind.REFUSAL, since, inbox.clock(), shop)
    return dict(sorted(((reason, number) for (_, reason), number in found.items()), key=lambda item: -item[1]))
