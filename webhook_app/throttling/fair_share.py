"""Fair sharing of claims between shops: one shop's backlog does not delay another shop's new event; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each shop costs a statement, so with hundreds of shops each claim covers the next few.
MAX_SHOPS = 16


def shares(limit: int, shops: Sequence[str], last: str) -> dict[str, int]:
    """Divide `limit` deliveries among `shops`, which are sorted; starts after `last`, round robin."""
    later = [shop for shop in shops if shop > last]
    chosen = [*later, *(shop for shop in shops if shop <= last)][: min(limit, MAX_SHOPS)]
    each, rest = divmod(limit, max(len(chosen), 1))
    return {shop: each + (number < rest) for number, shop in enumerate(chosen)}
