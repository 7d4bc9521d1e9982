"""The state of each shop, as the findings of the health checks judge it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.health.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from webhook_app.health.finding import Finding

UNKNOWN = "removed"  # the state of a shop with deliveries that is not configured any more
MUTED = "muted"  # that of a shop all of whose problems are muted
WORST_FIRST = [Severity.ERROR.value, Severity.WARNING.value, MUTED, Severity.INFO.value, Severity.OK.value, UNKNOWN]


def problems_of(findings: Iterable[Finding], names: Collection[str]) -> dict[str, list[Finding]]:
    """Return the problems by shop, the muted ones too; an error about all, such as a full disk, is each shop's."""
    found: dict[str, list[Finding]] = {name: [] for name in names}
    for one in findings:
        named = {*filter(None, (one.shop, *one.others))}
        is_of_all = not named and one.severity is Severity.ERROR
        for name in (names if is_of_all else named) if one.is_problem else ():
            found.setdefault(name, []).append(one)
    return found


def state_of(problems: Iterable[Finding], *, is_configured: bool) -> str:
    """Return the state of a shop: the worst severity of what needs attention."""
    if not is_configured:
        return UNKNOWN
    states = (MUTED if one.is_muted else str(one.severity) for one in problems)
    return min(states, key=WORST_FIRST.index, default=str(Severity.OK))


def checks_of(problems: Iterable[Finding]) -> tuple[str, ...]:
    """Return the names of the checks whose findings need attention."""
    return tuple(dict.fromkeys(one.check for one in problems if one.needs_attention))


def muted_of(problems: Iterable[Finding]) -> dict[str, int | None]:
    """Return until when findings are muted, by check, None for until they are over: that which ends first."""
    found: dict[str, int | None] = {}
    for one in problems:
        if one.is_muted:
            ends = [until for until in (one.muted_until, found.get(one.check)) if until is not None]
            found[one.check] = min(ends, default=None)
    return found
