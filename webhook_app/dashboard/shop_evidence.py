"""Gathers what the checklist of a shop is judged by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from webhook_app.dashboard.checklist import Evidence
from webhook_app.dashboard.context import current
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.reports import key_overlap, shop_outcomes
from webhook_app.inbox.shop_records import feed_check_results, reconciliations, registrations
from webhook_app.platforms import topic_groups
from webhook_app.time_units import DAY, HOUR
from webhook_app.web import context as web_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox.reports.key_overlap import KeyOverlap
    from webhook_app.inbox.reports.shop_outcomes import Outcome

DAYS = 30
COMPARED_EVERY = 600.0  # seconds, in which the keys of purchases and views are not read again


def gather(shop: Shop) -> Evidence:
    """Return it; call statistics.refresh() before. Raises StoreUnavailableError."""
    inbox, orders = current().inbox, topic_groups.names(current().platforms, topic_groups.ORDERS)
    now = inbox.clock()
    outcomes = shop_outcomes.since(inbox, shop.name, now // HOUR - DAYS * (DAY // HOUR), orders)
    return Evidence(
        now,
        activity.last_seen(inbox, ActivityKind.TOPIC, shop.name),
        activity.last_seen(inbox, ActivityKind.REFUSAL, shop.name),
        outcomes,
        feed_check_results.latest(inbox).get(shop.name),
        _overlap(shop.name, outcomes, orders),
        reconciliations.states(inbox).get(shop.name),
        _is_registered(shop),
    )


def _overlap(shop: str, outcomes: Sequence[Outcome], orders: Sequence[str]) -> KeyOverlap | None:
    """Compare the keys of a shop that has storefront events, at most once in a while: this reads calls."""
    browsing = topic_groups.names(current().platforms, topic_groups.STOREFRONT)
    if not any(one.topic in browsing for one in outcomes):
        return None
    cache, now = current().overlaps, time.monotonic()
    if shop not in cache or now - cache[shop][0] > COMPARED_EVERY:
        cache[shop] = now, key_overlap.measure(current().inbox, shop, orders, browsing)
    return cache[shop][1]


def _is_registered(shop: Shop) -> bool | None:
    """Return whether the app of a shop has registered itself; None where there is none, or it is not known."""
    if current().platforms[shop.platform].handshake is None or shop.app_secret is None:
        return None
    try:
        sealer = web_context.current().shop_secrets.sealer
        return bool(registrations.find(current().inbox, sealer, shop.name).secret)
    except StoreUnavailableError:
        return False  # it cannot be decrypted: the receiver refuses what it signs
