"""The orders that platforms list, beside the deliveries, on the page of the accounting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from webhook_app.dashboard.context import current, user
from webhook_app.inbox import reconciliations
from webhook_app.inbox.reports import platform_accounting
from webhook_app.inbox.reports.platform_accounting import TREND, PlatformTotals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.inbox.reports.platform_accounting import PlatformEntry


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """The totals of a shop, or of a day."""

    title: str
    totals: PlatformTotals


def shown_shops(shop: str | None) -> list[str]:
    """Return the shops that give access to their platform's API, and that the user may see."""
    known = current().shops.values()
    return sorted(one.name for one in known if one.api and user().sees(one.name) and shop in (None, one.name))


def entries_of(first: date, days: int, shop: str | None) -> list[PlatformEntry]:
    """Return the entries of those shops. Raises StoreUnavailableError."""
    shops = set(shown_shops(shop))
    return [one for one in platform_accounting.of_days(current().inbox, first, days) if one.shop in shops]


def for_day(day: date, shop: str | None) -> dict[str, Any]:
    """Return what the template shows of a day and of the days before; nothing where no shop gives access."""
    shops = shown_shops(shop)
    if not shops:
        return {"platform_shops": []}
    trend = entries_of(day - timedelta(days=TREND - 1), TREND, shop)
    entries = [one for one in trend if one.day == day]
    states = reconciliations.states(current().inbox)
    return {
        "platform_shops": shops,
        "platform_total": platform_accounting.totals(entries),
        "platform_lines": [PlatformLine(one, _totals(entries, shop=one)) for one in shops],
        "platform_reasons": _reasons(entries),
        "platform_trend": _trend(trend, day),
        "platform_states": {one: states.get(one) for one in shops},
        "revenues": platform_accounting.revenues(current().inbox, day, entries),
    }


def _trend(entries: Iterable[PlatformEntry], last: date) -> list[PlatformLine]:
    days = [last - timedelta(days=back) for back in range(TREND - 1, -1, -1)]
    every = list(entries)
    return [PlatformLine(day.isoformat(), _totals(every, day=day)) for day in days]


def _totals(entries: Iterable[PlatformEntry], shop: str | None = None, day: date | None = None) -> PlatformTotals:
    """Sum up the entries of a shop, or of a day."""
    return platform_accounting.totals(one for one in entries if shop in (None, one.shop) and day in (None, one.day))


def _reasons(entries: Iterable[PlatformEntry]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.reason:
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
