"""Days of shops in their time zones: nothing is lost or counted twice where clocks change or differ by half hours."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from tests.support.deliveries import arrival
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.reports import accounting, platform_accounting
from webhook_app.inbox.reports.shop_days import ShopDays, date_of, span_of, stretches
from webhook_app.inbox.tables import platform_orders
from webhook_app.time_units import HOUR, MINUTE

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

ZONES = {
    "nl": "Europe/Amsterdam",
    "in": "Asia/Kolkata",
    "np": "Asia/Kathmandu",
    "au": "Australia/Lord_Howe",  # half an hour of daylight saving
    "us": "America/New_York",
    "az": "Atlantic/Azores",  # midnight is twice there in October
    "cl": "America/Santiago",  # midnight is skipped there in September
}


@pytest.mark.parametrize("zone", [*ZONES.values(), "UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_days_follow_each_other(zone: str) -> None:
    """Each moment is of one day, and of that which the clock there shows; the rules for SQL give the same."""
    for first in (date(2026, 3, 1), date(2026, 9, 1), date(2026, 10, 5)):
        rules = stretches(first, 40, zone)
        assert len(rules) <= 3
        for number in range(40):
            day = first + timedelta(days=number)
            span = span_of(day, zone)
            assert span.until == span_of(day + timedelta(days=1), zone).since
            for moment in (span.since, span.since + 90 * MINUTE, (span.since + span.until) // 2, span.until - 1):
                assert datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).date() == day
                rule = next(one for one in rules if moment < one.until)
                index = (moment + rule.shift) // (24 * HOUR) if rule.day is None else rule.day
                assert date_of(index) == day


def test_hours_of_days_when_clocks_change() -> None:
    """23 and 25 hours, and 24 and a half."""
    hours = {
        (zone, day): (span_of(day, zone).until - span_of(day, zone).since) / HOUR
        for zone, day in [
            ("Europe/Amsterdam", date(2026, 3, 29)),
            ("Europe/Amsterdam", date(2026, 10, 25)),
            ("Australia/Lord_Howe", date(2026, 4, 5)),
            ("UTC", date(2026, 10, 25)),
        ]
    }
    assert [*hours.values()] == [23, 25, 24.5, 24]


def test_accounts_of_each_shop_are_of_its_own_day(inbox: Inbox, clock: Clock) -> None:
    """Every delivery is counted on exactly the day that the shop's clock shows, beside shops in UTC."""
    begin = span_of(date(2026, 10, 24), "UTC").since - 15 * HOUR
    expected: Counter[tuple[str, date]] = Counter()
    for shop in (*ZONES, "utc"):
        for number in range(0, 66 * 60, 23):
            clock.now = begin + number * MINUTE
            inbox.store(arrival(f"{number}", shop=shop))
            local = datetime.fromtimestamp(clock.now / 1000, ZoneInfo(ZONES.get(shop, "UTC")))
            expected[shop, local.date()] += 1
    statistics.refresh(inbox, within=None, fresh=0)
    days, found = ShopDays(ZONES), Counter[tuple[str, date]]()
    for number in range(6):
        day = date(2026, 10, 22) + timedelta(days=number)
        for entry in accounting.of_day(inbox, day, None, days):
            found[entry.shop, day] += entry.number
        assert [one.shop for one in accounting.of_day(inbox, day, "in", days)] == ["in"][: expected["in", day]]
    assert found == expected
    assert sum(one.number for one in accounting.of_day(inbox, date(2026, 10, 24))) != expected["nl", date(2026, 10, 24)]


def test_orders_of_platforms_are_of_the_same_days(inbox: Inbox, clock: Clock) -> None:
    """The database computes the day of each order in the time zone of its shop."""
    begin = span_of(date(2026, 10, 24), "UTC").since - 15 * HOUR
    clock.now, expected, rows = begin + 90 * HOUR, Counter[tuple[str, date]](), []
    for shop in (*ZONES, "utc"):
        for number in range(0, 66 * 60, 113):
            placed = begin + number * MINUTE
            order = {"shop": shop, "business_key": f"purchase:{number}", "identity": f"{number}", "placed_at": placed}
            rows.append({**order, "name": "", "seen_at": placed, "reason": "", "currency": "EUR", "amount": "1.00"})
            expected[shop, datetime.fromtimestamp(placed / 1000, ZoneInfo(ZONES.get(shop, "UTC"))).date()] += 1
    with inbox.database.write() as connection:
        connection.execute(insert(platform_orders), rows)
    days = ShopDays(ZONES)
    found = platform_accounting.of_days(inbox, date(2026, 10, 22), 6, zones=days)
    assert Counter({(one.shop, one.day): one.number for one in found}) == expected
    one_day = platform_accounting.of_days(inbox, date(2026, 10, 25), zones=days)
    assert {one.shop: one.number for one in one_day} == {
        shop: number for (shop, day), number in expected.items() if day == date(2026, 10, 25)
    }
    assert {one.currency for one in platform_accounting.revenues(inbox, date(2026, 10, 25), one_day, days)} == {"EUR"}
