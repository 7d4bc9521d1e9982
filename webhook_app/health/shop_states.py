"""The state of each shop, as the findings of the health checks judge it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.health.finding import Severity
from webhook_app.health.folding import ORDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from webhook_app.health.finding import Finding

UNKNOWN = "removed"  # the state of a shop with deliveries that is not configured any more
WORST_FIRST = [*map(str, ORDER), UNKNOWN]


def problems_of(findings: Iterable[Finding], names: Collection[str]) -> dict[str, list[Finding]]:
    """Return the findings that need attention, by shop; an error about all, such as a full disk, is each shop's."""
    found: dict[str, list[Finding]] = {name: [] for name in names}
    for one in findings:
        named = {*filter(None, (one.shop, *one.others))}
        is_of_all = not named and one.severity is Severity.ERROR
        for name in (names if is_of_all else named) if one.needs_attention else ():
            found.setdefault(name, []).append(one)
    return found


def state_of(problems: Iterable[Finding], *, is_configured: bool) -> str:
    """Return the state of a shop: the worst severity of what needs attention."""
    if not is_configured:
        return UNKNOWN
    return min((str(one.severity) for one in problems), key=WORST_FIRST.index, default=str(Severity.OK))
