"""Rate limits per visitor and per shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.web import rate_limit
from webhook_app.web.rate_limit import Quota, RateLimiter

if TYPE_CHECKING:
    import pytest


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_visitor_rate_allows_a_burst_and_then_an_even_rate() -> None:
    """A minute's events are allowed at once; after that, one for each part of a minute."""
    clock = Clock()
    limiter = RateLimiter(visitor_rate=6, shop_rate=1000, clock=clock)
    assert [limiter.take("a", "v") for _ in range(8)] == [0] * 6 + [10, 10]
    clock.now += 9.9
    assert limiter.take("a", "v") == 1
    clock.now += 0.2
    assert [limiter.take("a", "v") for _ in range(2)] == [0, 10]
    clock.now += 3600
    assert [limiter.take("a", "v") for _ in range(7)] == [0] * 6 + [10]


def test_visitors_and_shops_have_separate_quotas() -> None:
    """One visitor's events do not count for another, nor for the same key in another shop."""
    limiter = RateLimiter(visitor_rate=1, shop_rate=1000, clock=Clock())
    assert [limiter.take(shop, visitor) for shop, visitor in [("a", "v"), ("a", "w"), ("b", "v")]] == [0, 0, 0]
    assert limiter.take("a", "v") == 60


def test_shop_rate_covers_all_visitors() -> None:
    """Inventing a new visitor for each event does not help to fill the inbox."""
    limiter = RateLimiter(visitor_rate=1, shop_rate=5, clock=Clock())
    assert [limiter.take("a", str(number)) for number in range(6)] == [0] * 5 + [1]
    assert limiter.take("b") == 0


def test_refused_events_use_up_nothing() -> None:
    """Further requests do not lengthen the wait."""
    clock = Clock()
    limiter = RateLimiter(visitor_rate=1, shop_rate=1000, clock=clock)
    for _ in range(100):
        limiter.take("a", "v")
    clock.now += 60
    assert limiter.take("a", "v") == 0


def test_unused_keys_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds about the keys of the last period."""
    monkeypatch.setattr(rate_limit, "CLEAN_UP_AT", 10)
    quota = Quota(period=60, limit=60)
    for number in range(1000):
        assert quota.wait(number, float(number)) == 0
        quota.count(number, float(number))
    assert 1 <= len(quota) <= 20
