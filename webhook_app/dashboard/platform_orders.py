"""The orders that platforms list, beside the deliveries, on the page of the accounting."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from webhook_app.dashboard.context import current, user
from webhook_app.inbox.reports import platform_accounting
from webhook_app.inbox.shop_records import reconciliations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from webhook_app.inbox.reports.platform_accounting import PlatformEntry, PlatformTotals

MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """The totals of a shop."""

    title: str
    totals: PlatformTotals


def shown_shops(shop: str | None) -> list[str]:
    """Return the shops that give access to their platform's API, and that the user may see.

    Raises StoreUnavailableError.
    """
    known = reconciliations.comparable(current().inbox, current().shops)
    return [name for name in known if user().sees(name) and shop in {None, name}]


def entries_of(day: date, shop: str | None) -> list[PlatformEntry]:
    """Return the entries of those shops. Raises StoreUnavailableError."""
    shops = set(shown_shops(shop))
    return [
        one
        for one in platform_accounting.of_days(current().inbox, day, shop=shop or "", zones=current().days)
        if one.shop in shops
    ]


def for_day(day: date, shop: str | None) -> dict[str, Any]:
    """Return what the template shows of a day; nothing where no shop gives access.

    Revenue is compared for one shop: it is read from the calls that were sent.
    """
    shops = shown_shops(shop)
    if not shops:
        return {"platform_shops": []}
    entries = entries_of(day, shop)
    of_shop: defaultdict[str, list[PlatformEntry]] = defaultdict(list)
    for one in entries:
        of_shop[one.shop].append(one)
    states = reconciliations.states(current().inbox)
    total = platform_accounting.totals(entries)
    return {
        "platform_shops": shops,
        "platform_total": total,
        "platform_missing": _missing(day, shop, set(shops)) if total.missing else [],
        "platform_lines": sorted(
            (PlatformLine(one, platform_accounting.totals(of_shop[one])) for one in shops),
            key=lambda line: (-line.totals.missing, -line.totals.dead, line.title),
        ),
        "platform_reasons": _reasons(entries),
        "platform_states": {one: states.get(one) for one in shops},
        "revenues": platform_accounting.revenues(current().inbox, day, entries, current().days)
        if len(shops) == 1
        else [],
    }


def _missing(day: date, shop: str | None, shops: set[str]) -> list[tuple[str, str]]:
    found = platform_accounting.missing(current().inbox, day, shop or "", current().days)
    return [(of, name) for of, name in found if of in shops][:MOST_NAMES]


def _reasons(entries: Iterable[PlatformEntry]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.reason:
            counts[entry.reason] = counts.get(entry.reason, 0) + entry.number
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
