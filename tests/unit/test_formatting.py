"""Durations, points in time, numbers and shares as text."""

from __future__ import annotations

import pytest

from webhook_app import formatting
from webhook_app.time_units import DAY, HOUR, MINUTE, SECOND

AT = 1_795_000_000_123  # 2026-11-18 11:06:40.123 UTC
NARROW = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "\N{EN DASH}"),
        (-5, "0 ms"),
        (0, "0 ms"),
        (85.4, "85 ms"),
        (999, "999 ms"),
        (SECOND, "1.0 s"),
        (1_440, "1.4 s"),
        (10 * SECOND, "10 s"),
        (MINUTE - 1, "59 s"),
        (MINUTE, "1 min"),
        (3 * MINUTE + 20 * SECOND, "3 min 20 s"),
        (HOUR + 59 * SECOND, "1 h"),
        (DAY - 1, "23 h 59 min"),
        (DAY + 2 * HOUR + 30 * MINUTE, "1 d 2 h"),
        (DAY + 30 * MINUTE, "1 d"),
        (400 * DAY, "400 d"),
    ],
)
def test_durations_have_their_two_largest_units(milliseconds: float | None, text: str) -> None:
    assert formatting.duration(milliseconds) == text


def test_points_in_time_are_utc() -> None:
    assert formatting.timestamp(AT) == "2026-11-18T11:06:40Z"
    assert formatting.date_and_time(AT) == "2026-11-18 11:06:40"
    assert formatting.date_and_time(AT, exact=True) == "2026-11-18 11:06:40.123"


def test_no_point_in_time_is_no_text() -> None:
    assert formatting.timestamp(None) == formatting.date_and_time(None) == ""


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (1_234_567, f"1{NARROW}234{NARROW}567")])
def test_numbers_have_narrow_spaces_between_thousands(count: int, text: str) -> None:
    assert formatting.number(count) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (None, 2, "\N{EN DASH}"),
        (0, 2, "0 %"),
        (1, 2, "100 %"),
        (1.0, 1, "100 %"),
        (0.5, 2, "50.00 %"),
        (0.5, 1, "50.0 %"),
        (0.999999, 2, "99.99 %"),
        (0.000001, 2, "0.01 %"),
        (0.9999, 1, "99.9 %"),
    ],
)
def test_only_a_whole_share_is_100_percent(share: float | None, digits: int, text: str) -> None:
    assert formatting.percent(share, digits) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 deliveries"), (1, "1 delivery"), (2, "2 deliveries"), (2000, "2000 deliveries")]
)
def test_a_noun_agrees_with_its_number(count: int, text: str) -> None:
    assert formatting.counted(count, "delivery", "deliveries") == text


def test_a_noun_needs_no_plural_where_an_s_makes_it() -> None:
    assert [formatting.counted(count, "warning") for count in (1, 2)] == ["1 warning", "2 warnings"]
