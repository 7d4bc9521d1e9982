"""Groups of topics: orders, storefront events, and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.platforms.base import BACKFILL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.platforms.base import Platform

ORDERS, STOREFRONT, OTHERS = "orders", "storefront", "others"
GROUPS = {ORDERS: "Orders", STOREFRONT: "Storefront events", OTHERS: "Other topics"}


def group_of(platforms: Mapping[str, Platform], platform: str, topic: str) -> str:
    """Return the group of a topic of a platform."""
    known = platforms[platform].topic(topic) if platform in platforms else None
    if known and known.name == BACKFILL:
        return ORDERS
    if known is None or not (known.subscribe or known.storefront):
        return OTHERS
    return STOREFRONT if known.storefront else ORDERS


def names(platforms: Mapping[str, Platform], chosen: str) -> tuple[str, ...]:
    """Return the topics of all platforms that are in a group; those of OTHERS cannot be listed."""
    every = [(platform.name, topic.name) for platform in platforms.values() for topic in platform.topics]
    every += [(platform.name, BACKFILL) for platform in platforms.values()]
    return tuple(sorted({topic for platform, topic in every if group_of(platforms, platform, topic) == chosen}))
