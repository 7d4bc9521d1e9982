"""Rate limits per visitor and per shop."""

from __future__ import annotations

import pytest

from webhook_app.web import rate_limit
from webhook_app.web.rate_limit import Quota, RateLimiter


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
    assert [limiter.take("a") for _ in range(6)] == [0] * 5 + [1]
    assert limiter.take("b") == 0


def test_invented_visitors_are_limited_by_address() -> None:
    """One address has few new visitors, and those who are known already are still served."""
    clock = Clock()
    limiter = RateLimiter(visitor_rate=120, shop_rate=200, clock=clock)
    assert limiter.take("a", "known", "1.1.1.1") == 0
    allowed = 0
    for number in range(10_000):  # 1,000 a second
        clock.now += 0.001
        allowed += limiter.take("a", f"invented-{number}", "1.1.1.1") == 0
    assert allowed <= 5 + 6
    assert limiter.take("a", "known", "1.1.1.1") == 0
    assert limiter.take("a", "7622", "1.1.1.1", never_new=True) == 0


@pytest.mark.parametrize("invented", [10_000, 30, 1], ids=["invented", "few", "one"])
def test_one_address_takes_nothing_from_others(invented: int) -> None:
    """Whatever one address sends, as new visitors or as known ones, every event of another is allowed."""
    clock, refused = Clock(), 0
    limiter = RateLimiter(visitor_rate=120, shop_rate=200, clock=clock)
    for number in range(10_000):
        clock.now += 0.001
        limiter.take("a", f"invented-{number % invented}", "1.1.1.1")
        if number % 100 == 0:
            refused += limiter.take("a", f"real-{number}", f"2.2.{number // 100}.1") > 0
    assert refused == 0


def test_many_addresses_leave_known_visitors_their_share() -> None:
    """An attacker with many addresses takes the new visitors of a shop, and not the events of those who are known."""
    clock, refused = Clock(), 0
    limiter = RateLimiter(visitor_rate=120, shop_rate=200, clock=clock)
    assert limiter.take("a", "known", "2.2.2.2") == 0
    new = 0
    for number in range(10_000):
        clock.now += 0.001
        new += limiter.take("a", f"invented-{number}", f"1.1.{number // 250}.{number % 250}") == 0
        if number % 1000 == 0:
            refused += limiter.take("a", "known", "2.2.2.2") > 0
    assert (refused, new <= 20 * 10 + 20) == (0, True)


def test_refused_events_use_up_nothing() -> None:
    """Further requests do not lengthen the wait."""
    clock = Clock()
    limiter = RateLimiter(visitor_rate=1, shop_rate=1000, clock=clock)
    for _ in range(100):
        limiter.take("a", "v")
    clock.now += 60
    assert limiter.take("a", "v") == 0


def test_unused_keys_are_removed() -> None:
    """Memory holds about the keys of the last period."""
    quota = Quota(period=60, limit=60)
    for number in range(1000):
        assert quota.wait(number, float(number)) == 0
        quota.count(number, float(number))
    assert 1 <= len(quota) <= 20


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys are in use, the ones that were used last are in memory, and no more."""
    monkeypatch.setattr(rate_limit, "MOST_KEYS", 100)
    quota = Quota(period=60, limit=1)
    for number in range(1000):
        quota.count("attacker", 0.0)
        quota.count(number, 0.0)
    assert len(quota) == 100
    assert quota.wait("attacker", 0.0) > 1000


def test_the_visitors_that_are_known_are_those_seen_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes again and again is no new visitor, however many others come meanwhile."""
    monkeypatch.setattr(rate_limit, "MOST_KEYS", 100)
    clock = Clock()
    limiter = RateLimiter(visitor_rate=120, shop_rate=200, clock=clock)
    for number in range(99):
        clock.now += 60
        assert limiter.take("a", f"other-{number}", f"10.0.0.{number}") == 0
        assert limiter.take("a", "known", "1.1.1.1") == 0
    for number in range(20):
        clock.now += 0.1
        assert limiter.take("a", f"another-{number}", f"10.0.1.{number}") == 0
    assert any(limiter.take("a", f"invented-{number}", "1.1.1.1") for number in range(50))
    assert limiter.take("a", "known", "1.1.1.1") == 0


@pytest.mark.parametrize(("period", "limit"), [(1, 0.1), (60, 0.25), (1, 1)])
def test_at_least_one_event_is_allowed(period: float, limit: float) -> None:
    """A rate below one in a period allows one event, and the next one later."""
    quota = Quota(period, limit)
    assert quota.wait("a", 0.0) == 0
    quota.count("a", 0.0)
    assert quota.wait("a", 0.0) > 0
    assert quota.wait("a", period / limit + 1) == 0
