"""Topics in sets: those of orders, those that browsers cause, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.platforms.base import Platform

ORDERS, STOREFRONT, OTHERS = "orders", "storefront", "others"
SETS = {ORDERS: "Orders", STOREFRONT: "Storefront events", OTHERS: "Everything else"}


def set_of(platforms: Mapping[str, Platform], platform: str, topic: str) -> str:
    """Say which set a topic of a platform is in."""
    known = platforms[platform].topic(topic) if platform in platforms else None
    if known is None or not (known.subscribe or known.storefront):
        return OTHERS
    return STOREFRONT if known.storefront else ORDERS


def names(platforms: Mapping[str, Platform], chosen: str) -> tuple[str, ...]:
    """Return the names of all platforms' topics that are in a set, apart from the rest, which has no end."""
    every = ((platform.name, topic.name) for platform in platforms.values() for topic in platform.topics)
    return tuple(sorted({topic for platform, topic in every if set_of(platforms, platform, topic) == chosen}))
