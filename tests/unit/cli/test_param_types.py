"""Options that take a duration or a point in time."""

from __future__ import annotations

import time

import pytest

from webhook_app.cli.support.param_types import Duration, PointInTime


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("2w", 14 * 86400)])
def test_durations_and_ages(text: str, seconds: int) -> None:
    """A duration has a unit; as a point in time it is how long ago."""
    assert Duration().convert(text, None, None) == seconds * 1000
    assert PointInTime().convert(text, None, None) == pytest.approx((time.time() - seconds) * 1000, abs=5000)


@pytest.mark.parametrize("text", ["2026-11-18T11:06:40Z", "2026-11-18T13:06:40+02:00", "2026-11-18T11:06:40"])
def test_points_in_time_are_iso_8601(text: str) -> None:
    """A time without an offset is UTC."""
    assert PointInTime().convert(text, None, None) == 1_795_000_000_000
