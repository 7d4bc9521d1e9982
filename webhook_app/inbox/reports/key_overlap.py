"""Whether purchases have profile keys that views and searches had before: only then does Tweakwise learn from them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhook_app.inbox.reports import delivery_pages
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.inbox.delivery import Row
    from webhook_app.inbox.store import Inbox

PURCHASES, VIEWS = 100, 500  # that are looked at, the newest


@dataclass(frozen=True, slots=True)
class KeyOverlap:
    """How many of the newest `purchases` had a key that was `seen` before; those since `since`, in milliseconds."""

    purchases: int
    seen: int
    since: int

    @property
    def share(self) -> float | None:
        """The share of purchases whose key was seen; None where there are none."""
        return self.seen / self.purchases if self.purchases else None


def measure(inbox: Inbox, shop: str, orders: Sequence[str], browsing: Sequence[str]) -> KeyOverlap | None:
    """Compare the newest purchases of a shop with its newest views and searches; None without any of these.

    `orders` and `browsing` are topics. Purchases before the oldest of these views are not judged.
    """
    views = _newest(inbox, shop, browsing, VIEWS)
    if not views:
        return None
    first: dict[str, int] = {}
    for row in views:  # the newest first
        if key := _key(row):
            first[key] = row.received_at
    since = views[-1].received_at
    purchases = [row for row in _newest(inbox, shop, orders, PURCHASES) if row.received_at >= since and _key(row)]
    seen = sum(first.get(_key(row), row.received_at) < row.received_at for row in purchases)
    return KeyOverlap(len(purchases), seen, since)


def _newest(inbox: Inbox, shop: str, topics: Sequence[str], number: int) -> Sequence[Row]:
    chosen = Selection(shop=shop, states=(State.DELIVERED.value,))
    return delivery_pages.page(inbox, DeliveryFilter(chosen, topics=tuple(topics)), number).rows


def _key(row: Row) -> str:
    return str(json.loads(row.call).get("ProfileKey") or "") if row.call else ""
