"""The table of shops: its order, and lines of numbers."""

from __future__ import annotations

from itertools import product

from webhook_app.dashboard import charts, shop_table
from webhook_app.dashboard.shop_table import COLUMNS, ShopRow, query, shown
from webhook_app.health import shop_states
from webhook_app.health.finding import Finding, Severity
from webhook_app.inbox.reports.shop_counts import OrderCounts, Reported


def row(name: str, state: str = "ok", **changed: object) -> ShopRow:
    values = {"problems": (), "orders": OrderCounts(), "waiting": 0, "refused": 0, "last_order": None, "reported": None}
    return ShopRow(name, state, **values | changed)  # type: ignore[arg-type]


def test_every_column_sorts_both_ways() -> None:
    """Whatever is unknown; nothing is left out."""
    rows = [
        row("a", "error", problems=("dead", "oldest"), waiting=3),
        row("b", "removed", last_order=5, reported=Reported(10, 1)),
        row("c", "warning", orders=OrderCounts([1] * 24, 20, 4), refused=7),
        row("d"),
    ]
    for column, reverse in product(COLUMNS, ("", "1")):
        found = shown(rows, query({"sort": column.name, "reverse": reverse}))
        assert sorted(one.name for one in found) == ["a", "b", "c", "d"]
    first = {column.name: shown(rows, query({"sort": column.name}))[0].name for column in COLUMNS}
    assert first == {
        "name": "a",
        "state": "a",
        "orders": "c",
        "delivered": "c",
        "waiting": "a",
        "refused": "c",
        "last": "a",
        "reported": "b",
    }


def test_states_are_the_severities() -> None:
    """What needs no attention is fine."""
    assert shop_states.state_of([], is_configured=True) == "ok"
    assert shop_states.state_of([], is_configured=False) == "removed"
    assert set(shop_table.STATES) <= set(shop_states.WORST_FIRST)


def test_an_error_about_all_is_each_shops() -> None:
    """No shop is fine while the disk is full, or its events wait for a worker; what is muted or a warning is not."""
    found = [
        Finding("disk", Severity.ERROR, "The disk is full."),
        Finding("workers", Severity.ERROR, "Events of b are due.", others=("b",)),
        Finding("secrets", Severity.WARNING, "Others can read a file."),
        Finding("database", Severity.ERROR, "It does not answer.", muted="for a day"),
    ]
    names = {shop: [one.check for one in those] for shop, those in shop_states.problems_of(found, "ab").items()}
    assert names == {"a": ["disk"], "b": ["disk", "workers"]}


def test_lines_stay_inside_their_picture() -> None:
    """Of any numbers; what is unknown is a gap, and a lone point is a dot."""
    assert charts.sparkline([0, 0]) == "0,19 4,19"
    assert charts.sparkline([0, 5, 10]) == "0,19 4,10 8,1"
    assert charts.lines([[None, 1.0, None, 0.5, 2.0]], 1.0) == ("M210 0h12M504 90L648 0",)
    assert charts.lines([[None]], 1.0) == ("",)
