"""How SQLite reads what pages show of many shops: by an index on dates or names, never through all rows."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.support.statements import statements_of
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.inbox.reports import platform_accounting, shop_counts, shop_trends, time_series
from webhook_app.inbox.reports.platform_accounting import PlatformEntry
from webhook_app.inbox.shop_records import platform_orders

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhook_app.inbox import Inbox

TODAY = datetime(2026, 11, 26, tzinfo=UTC).date()
ENTRY = PlatformEntry("acme", TODAY, "EUR", "delivered", "", 1, Decimal(1))
REPORTS: list[tuple[str, Callable[[Inbox], object]]] = [
    ("ix_platform_orders_placed", lambda inbox: platform_accounting.of_days(inbox, TODAY)),
    ("ix_platform_orders_placed", lambda inbox: platform_accounting.revenues(inbox, TODAY, [ENTRY])),
    ("ix_platform_orders_key", lambda inbox: platform_orders.find(inbox, ["1", "#1", "purchase:1"])),
    ("ix_reconciliations_ended", lambda inbox: shop_counts.reported(inbox, 0)),
    ("ix_tallies_shop_hour", lambda inbox: time_series.series(inbox, time_series.span(0, 30, 24), ["acme"])),
    ("ix_block_figures_shop", lambda inbox: shop_trends.by_day(inbox, "acme", 0)),
    ("ix_deliveries_shop_due", shop_counts.waiting),
    ("sqlite_autoindex_hourly_sightings_1", lambda inbox: activity.by_hour(inbox, ActivityKind.TOPIC, 0, shop="acme")),
    (
        "sqlite_autoindex_hourly_sightings_1",
        lambda inbox: activity.hours_until(inbox, ActivityKind.TOPIC, {("acme", "a"): 1, ("acme", "b"): 2}, 1),
    ),
    ("ix_hourly_sightings_kind", lambda inbox: activity.totals(inbox, ActivityKind.REFUSAL, 0, 1)),
]


def plan_of(inbox: Inbox, report: Callable[[Inbox], object]) -> str:
    """The plans of every statement of a report."""
    with statements_of(inbox) as executed:
        report(inbox)
    reading = [one for one in executed if one[0].lstrip().upper().startswith(("SELECT", "WITH"))]
    with inbox.database.read() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in reading]
    return "\n".join(row[3] for rows in plans for row in rows)


@pytest.mark.engines("sqlite")
def test_reports_use_their_index(inbox: Inbox) -> None:
    """Also without statistics of the tables, which SQLite never gathers by itself."""
    plans = [(index, plan_of(inbox, report)) for index, report in REPORTS]
    assert [(index, plan) for index, plan in plans if f"INDEX {index}" not in plan] == []
