"""Charts: heights of bars, and gridlines."""

from __future__ import annotations

import pytest

from webhook_app.dashboard import charts


def test_bars_are_stacked() -> None:
    """Heights are in proportion, and a small part can still be seen."""
    chart = charts.stacked([("a", "a", {"dead": 1, "delivered": 999}), ("b", "b", {})], ("delivered", "dead"))
    delivered, dead = chart.columns[0].parts
    assert (delivered.kind, dead.kind) == ("delivered", "dead")
    assert delivered.y == pytest.approx(charts.HEIGHT - delivered.height, abs=0.2)
    assert dead.y == pytest.approx(delivered.y - dead.height, abs=0.2)
    assert dead.height == 1.5
    assert [line.value for line in chart.lines] == [0, 500, 1000]
    assert chart.columns[1].parts == ()
    assert [line.value for line in charts.scale(7)] == [0, 2, 4, 6, 8]
