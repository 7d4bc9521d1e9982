"""Whether a topic is silent for longer than it usually is; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

FEWEST_HOURS = 12  # in which something came, before anything is called usual
TOLERANCE = 1.5  # times the longest pause that was
SHORTEST = 3  # hours; before that nobody is told


@dataclass(frozen=True, slots=True)
class Silence:
    """For how many hours nothing came, and the longest such time before; None where too little came to tell."""

    hours: float
    usual: int | None

    @property
    def is_strange(self) -> bool:
        """Whether somebody should look."""
        return self.usual is not None and self.hours >= SHORTEST and self.hours > self.usual * TOLERANCE


def silence(hours: Sequence[int], last: float, now: float) -> Silence:
    """Compare with the pauses between `hours` in which something came, in order; all are hours since 1970."""
    pauses = [later - earlier for earlier, later in pairwise(hours)]
    usual = max(pauses, default=1) if len(hours) >= FEWEST_HOURS else None
    return Silence(max(now - last, 0), usual)
