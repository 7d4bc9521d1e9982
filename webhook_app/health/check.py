"""What a check is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhook_app.health.finding import Finding
    from webhook_app.health.measurements import Measurements


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `fine` is what holds when `find` yields nothing, "" where that needs no words."""

    name: str
    find: Callable[[Measurements], Iterable[Finding]]
    fine: str = ""
    needs_database: bool = True
