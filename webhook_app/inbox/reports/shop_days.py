"""The days of shops, from midnight to midnight in their time zone: of 23 or 25 hours where clocks change."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from webhook_app.time_units import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhook_app.config.shops import Shop

FIRST = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Span:
    """A time from `since` (included) to `until` (excluded), in milliseconds since 1970 UTC."""

    since: int
    until: int

    @property
    def hours(self) -> range:
        """Every hour that it touches, in hours since 1970 UTC."""
        return range(self.since // HOUR, -(-self.until // HOUR))

    @property
    def whole_hours(self) -> range:
        """The hours that it has whole."""
        return range(-(-self.since // HOUR), self.until // HOUR)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Times before `until` (milliseconds since 1970 UTC) are of the day (time + `shift`) // DAY, or all of `day`."""

    until: int
    shift: int
    day: int | None = None


@dataclass(frozen=True, slots=True)
class ShopDays:
    """The time zones of shops by name; shops that are not in it have days in UTC."""

    zones: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, shops: Mapping[str, Shop]) -> ShopDays:
        """Return the days of configured shops."""
        return cls({name: shop.timezone for name, shop in shops.items() if shop.timezone != "UTC"})

    def zone(self, shops: Iterable[str]) -> str:
        """Return the time zone of these shops; "" where they have several."""
        zones = {self.zones.get(name, "UTC") for name in shops} or {"UTC"}
        return zones.pop() if len(zones) == 1 else ""

    def span(self, day: date, shop: str | None) -> Span:
        """Return the day of a shop, or the time from the first to the last moment of the day of any shop."""
        if shop is not None:
            return span_of(day, self.zones.get(shop, "UTC"))
        spans = [span_of(day, zone) for zone in {"UTC", *self.zones.values()}]
        return Span(min(one.since for one in spans), max(one.until for one in spans))

    def spans(self, day: date) -> dict[Span, tuple[str, ...]]:
        """Return the day of the shops that have a time zone of their own, with their names."""
        by_zone: defaultdict[str, list[str]] = defaultdict(list)
        for name, zone in self.zones.items():
            by_zone[zone].append(name)
        return {span_of(day, zone): tuple(names) for zone, names in by_zone.items()}

    def today(self, now: int, shop: str | None) -> date:
        """Return the day that it is for a shop at `now` (milliseconds since 1970 UTC); in UTC for all shops."""
        zone = self.zones.get(shop, "UTC") if shop is not None else "UTC"
        return datetime.fromtimestamp(now / SECOND, _zone(zone)).date()

    def latest(self, now: int, shop: str | None) -> date:
        """Return the latest day that has begun, for a shop or for any."""
        names = [shop] if shop is not None else [None, *self.zones]
        return max(self.today(now, name) for name in names)


UTC_DAYS = ShopDays()


def start_of(day: date, zone: str) -> int:
    """Return when a day begins; where clocks skip midnight, when they do."""
    begin = datetime(day.year, day.month, day.day, tzinfo=_zone(zone))
    return round((begin - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND


def span_of(day: date, zone: str) -> Span:
    """Return a day in a time zone."""
    return Span(start_of(day, zone), start_of(day + timedelta(days=1), zone))


def stretches(first: date, days: int, zone: str) -> list[Stretch]:
    """Return how times become days of a zone, for `days` days from `first` on: few rules, as clocks change seldom."""
    found: list[Stretch] = []
    for number in range(days):
        day = first + timedelta(days=number)
        span, index = span_of(day, zone), index_of(day)
        usual = span.until - span.since == DAY
        rule = Stretch(span.until, index * DAY - span.since if usual else 0, None if usual else index)
        if found and usual and found[-1].day is None and found[-1].shift == rule.shift:
            found.pop()
        found.append(rule)
    return found


def date_of(index: int) -> date:
    """Return the day that is so many days after 1970-01-01."""
    return date.fromordinal(FIRST + index)


def index_of(day: date) -> int:
    """Return how many days after 1970-01-01 a day is."""
    return day.toordinal() - FIRST


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
