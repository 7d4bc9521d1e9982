"""The table of shops: its order, and lines of numbers."""

from __future__ import annotations

from itertools import product

from webhook_app.dashboard import charts, shop_table
from webhook_app.dashboard.shop_table import COLUMNS, ShopRow, query, shown
from webhook_app.health import shop_states
from webhook_app.health.finding import Finding, Severity
from webhook_app.inbox.reports.shop_counts import OrderCounts, Reported


def row(name: str, state: str = "ok", **changed: object) -> ShopRow:
    values = {
        "problems": (),
        "muted": {},
        "orders": OrderCounts(),
        "waiting": 0,
        "refused": 0,
        "last_order": None,
        "reported": None,
    }
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
    """No shop is fine while the disk is full, or its events wait for a worker; a warning about all is not each shop's.

    Where all of it is muted the shop is, until the first of it is shown again.
    """
    found = [
        Finding("disk", Severity.ERROR, "The disk is full."),
        Finding("workers", Severity.ERROR, "Events of b are due.", others=("b",)),
        Finding("secrets", Severity.WARNING, "Others can read a file."),
        Finding("dead", Severity.WARNING, "Some are dead.", "", "a", is_muted=True, muted_until=7),
        Finding("dead", Severity.WARNING, "Others are dead.", "", "a", "other", is_muted=True),
    ]
    problems = shop_states.problems_of(found, "ab")
    assert {shop: shop_states.checks_of(those) for shop, those in problems.items()} == {
        "a": ("disk",),
        "b": ("disk", "workers"),
    }
    assert [shop_states.muted_of(problems[shop]) for shop in "ab"] == [{"dead": 7}, {}]
    muted = problems["a"][1:]
    states = [shop_states.state_of(those, is_configured=True) for those in (problems["a"], muted)]
    assert states == ["error", "muted"]


def test_lines_stay_inside_their_picture() -> None:
    """Of any numbers; what is unknown is a gap, and a lone point is a dot."""
    assert charts.sparkline([0, 0]) == "0,19 4,19"
    assert charts.sparkline([0, 5, 10]) == "0,19 4,10 8,1"
    assert charts.lines([[None, 1.0, None, 0.5, 2.0]], 1.0) == ("M210 0h12M504 90L648 0",)
    assert charts.lines([[None]], 1.0) == ("",)
