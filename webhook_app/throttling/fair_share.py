"""Whose turn it is: no shop's backlog holds up another shop's fresh event; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each shop costs a statement, so with hundreds of them a turn goes to some and the next turn to others.
SHOPS_A_TURN = 16


def shares(limit: int, shops: Sequence[str], last: str) -> dict[str, int]:
    """Divide `limit` deliveries among `shops`, which come in order and go round from the one after `last`."""
    later = [shop for shop in shops if shop > last]
    chosen = [*later, *(shop for shop in shops if shop <= last)][: min(limit, SHOPS_A_TURN)]
    each, rest = divmod(limit, len(chosen)) if chosen else (0, 0)
    return {shop: each + (number < rest) for number, shop in enumerate(chosen)}
