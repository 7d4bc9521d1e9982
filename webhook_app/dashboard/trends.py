"""The trends of a shop over 30 days: reported orders, times, and failed attempts, as charts and as one table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from webhook_app.dashboard import charts
from webhook_app.formatting import duration
from webhook_app.inbox.reports import shop_counts, shop_trends
from webhook_app.inbox.reports.shop_counts import Reported
from webhook_app.inbox.reports.shop_trends import DayFigures
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.dashboard.charts import Chart
    from webhook_app.inbox import Inbox

DAYS = 30
MOST_CLASSES = 3  # of failures, in colours of their own
KINDS = ("f0", "f1", "f2", "f3")


@dataclass(frozen=True, slots=True)
class Day:
    """One line of the table."""

    title: str
    reported: float | None
    p50: int | None
    p95: int | None
    failures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trends:
    """What the template shows; a chart is None without data. `classes` are the titles of the colours of failures.

    `lowest` is the share at the bottom of the chart of reported orders, `slowest` what is at the top of that of times.
    """

    days: Sequence[Day]
    reported: tuple[str, ...] | None
    lowest: float
    times: tuple[str, ...] | None
    slowest: int
    failures: Chart | None
    classes: Mapping[str, str]


def trends(inbox: Inbox, shop: str) -> Trends:
    """Return the trends of a shop; call statistics.refresh() before. Raises StoreUnavailableError."""
    last = inbox.clock() // DAY
    numbers = range(last - DAYS + 1, last + 1)
    figures = shop_trends.by_day(inbox, shop, numbers.start)
    compared = shop_counts.reported_by_day(inbox, shop, numbers.start * DAY)
    days = [_day(number, figures.get(number, DayFigures()), compared.get(number, Reported(0, 0))) for number in numbers]
    return Trends(days, *_reported(days), *_times(days), *_failures(days))


def _day(number: int, figures: DayFigures, compared: Reported) -> Day:
    title = f"{datetime.fromtimestamp(number * DAY / 1000, UTC):%Y-%m-%d}"
    return Day(title, compared.share, figures.within(0.5), figures.within(0.95), figures.failures)


def _reported(days: Sequence[Day]) -> tuple[tuple[str, ...] | None, float]:
    shares = [day.reported for day in days]
    known = [share for share in shares if share is not None]
    if not known:
        return None, 0.0
    # From a round share below the lowest: what is missing is a small part.
    lowest = next((bound for bound in (0.99, 0.9, 0.5) if min(known) >= bound), 0.0)
    heights = [None if share is None else (share - lowest) / (1 - lowest) for share in shares]
    return charts.lines([heights], 1.0), lowest


def _times(days: Sequence[Day]) -> tuple[tuple[str, ...] | None, int]:
    slowest = max((day.p95 or 0 for day in days), default=0)
    if not slowest:
        return None, 0
    return charts.lines([[day.p50 for day in days], [day.p95 for day in days]], slowest), slowest


def _failures(days: Sequence[Day]) -> tuple[Chart | None, dict[str, str]]:
    totals = Counter[str]()
    for day in days:
        totals.update(day.failures)
    if not totals:
        return None, {}
    often = [name for name, _ in totals.most_common(MOST_CLASSES)]
    bars = [(day.title[5:], _tooltip(day), _colours(day.failures, often)) for day in days]
    classes = dict(zip(KINDS, often, strict=False))
    others = {KINDS[-1]: "others"} if len(totals) > MOST_CLASSES else {}
    return charts.stacked(bars, KINDS), classes | others


def _colours(failures: Mapping[str, int], often: Sequence[str]) -> dict[str, int]:
    counts = Counter[str]()
    for name, number in failures.items():
        counts[KINDS[often.index(name)] if name in often else KINDS[-1]] += number
    return counts


def _tooltip(day: Day) -> str:
    return f"{day.title}: {', '.join(f'{number} {name}' for name, number in sorted(day.failures.items())) or 'none'}"


def within(step: int | None) -> str:
    """Write a step of times."""
    return duration(step) if step is None else f"\N{LESS-THAN OR EQUAL TO} {duration(step)}"
