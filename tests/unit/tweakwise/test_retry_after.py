"""The Retry-After header: any text is a wait or nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.tweakwise.retry_after import retry_after
from webhook_app.tweakwise.retry_policy import MAX_RETRY_AFTER, Failure

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AHEAD = "Mon, 23 Nov 2026 15:00:00 GMT"  # the Date of a server whose clock is three hours ahead
HEADERS = st.text() | st.text(st.sampled_from("0123456789 ,:+-eEJanMonGMT."))


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        ([""], None),
        ([" "], None),
        (["7"], 7.0),
        ([" 7 "], 7.0),
        (["86400"], 86_400.0),
        (["-1"], None),
        (["-99999999999"], None),
        (["1.5"], 1.5),
        (["1e9"], None),
        (["1e400"], None),
        (["0x10"], None),
        (["²"], None),
        (["٣"], None),
        (["inf"], None),
        (["nan"], None),
        (["99999999999"], 99_999_999_999.0),
        (["9" * 400], math.inf),
        (["9" * 50_000], math.inf),
        (["120, 60"], 120.0),
        (["120", "600"], 600.0),
        (["soon", "30"], 30.0),
        (["Mon, 23 Nov 2026 12:02:00 GMT"], 120.0),
        (["Mon, 23 Nov 2026 13:02:00 +0100"], 120.0),
        (["Monday, 23-Nov-26 12:02:00 GMT"], 120.0),
        (["Mon Nov 23 12:02:00 2026"], 120.0),
        (["Mon, 23 Nov 2026 11:00:00 GMT"], 0.0),
        (["Thu, 01 Jan 1970 00:00:00 GMT"], 0.0),
        (["Mon, 23 Nov 2026 12:02:00 -0000"], 120.0),
        (["Mon, 23 Nov 99999 12:02:00 GMT"], None),
        (["Mon, 99 Nov 2026 12:02:00 GMT"], None),
        (["Mon, 23 Nov 2026 12:02:00 +99999999999999"], None),
        (["Sun, 99999999999999999999 Oct 2015 07:28:00 GMT"], None),
        (["Mon, 01 Jan 0001 00:00:00 +2359"], 0.0),
        (["tomorrow"], None),
    ],
)
def test_retry_after(values: list[str], seconds: float | None) -> None:
    """Numbers and dates become seconds from now, never negative; everything else is ignored, and the longest counts."""
    assert retry_after(values, None, NOW) == seconds


@pytest.mark.parametrize(
    ("date", "seconds"), [(AHEAD, 60.0), (None, 10_860.0), ("nonsense", 10_860.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 0)]
)
def test_a_date_counts_from_the_date_of_the_response(date: str | None, seconds: float) -> None:
    """The server's clock may be hours ahead of this machine's."""
    assert retry_after(["Mon, 23 Nov 2026 15:01:00 GMT"], date, NOW) == seconds


@given(st.lists(HEADERS, max_size=3), st.none() | HEADERS)
def test_any_header_asks_for_a_pause_of_minutes(values: list[str], date: str | None) -> None:
    """No header text raises, and none closes a shop for longer than the documented minutes."""
    wait = retry_after(values, date, NOW)
    assert wait is None or wait >= 0
    assert 0 <= Failure("http_429", 429, wait).requested_pause <= MAX_RETRY_AFTER
