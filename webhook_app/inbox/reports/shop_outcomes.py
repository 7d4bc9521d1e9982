"""The outcomes of a shop's deliveries over some days, by topic, state and reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from webhook_app.inbox.tables import delivery_counts

if TYPE_CHECKING:
    from collections.abc import Collection

    from webhook_app.inbox.store import Inbox


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many deliveries of a topic are in a state for a reason; `is_order`: the topic is one of orders."""

    topic: str
    state: str
    reason: str
    number: int
    is_order: bool


def since(inbox: Inbox, shop: str, hour: int, order_topics: Collection[str]) -> list[Outcome]:
    """Return what became of what was received since that hour (since 1970); call statistics.refresh() before.

    Raises StoreUnavailableError.
    """
    count = delivery_counts.c
    query = select(count.topic, count.state, count.reason, func.sum(count.number))
    query = query.where(count.shop == shop, count.hour >= hour)
    with inbox.database.read() as connection:
        rows = connection.execute(query.group_by(count.topic, count.state, count.reason))
        return [Outcome(topic, state, why, int(number), topic in order_topics) for topic, state, why, number in rows]
