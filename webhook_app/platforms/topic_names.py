"""The name of a topic in another spelling: capitals, GraphQL's words, with a prefix, or doubled by a proxy."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from schemas.statuses import hyphenated, once

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 500  # characters of what may be a topic
PREFIXES = ("webhook", "webhooks", "topic", "topics", "wc", "admin", "x")


def canonical(text: str, known: Iterable[str], prefixes: Iterable[str]) -> str:
    """Return the one of `known` that `text` spells; without one, `text` as it came, once.

    `ORDERS_CREATE`, `Orders/Create`, `orders/create, orders/create` and `shopify/orders/create` are `orders/create`.
    """
    text = once(text[:LONGEST])
    names = {hyphenated(name): name for name in known}
    spelled = hyphenated(text)
    for prefix in (*prefixes, *PREFIXES):
        if spelled not in names:
            spelled = spelled.removeprefix(f"{prefix}-")
    return names.get(spelled, text)


def matches(topic: str, pattern: str) -> bool:
    """Return whether a topic matches a pattern such as `draft_orders/*`, in any spelling."""
    return fnmatchcase(topic, pattern) or fnmatchcase(hyphenated(topic), hyphenated(pattern))
