"""How many events of a visitor and of a shop come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.web import rate_limit
from webhook_app.web.rate_limit import RateLimiter

if TYPE_CHECKING:
    import pytest


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_visitor_has_a_minute_s_worth_at_once_and_then_waits() -> None:
    """The share may come all at once; after that, one for each part of a minute."""
    clock = Clock()
    taking = RateLimiter(visitor_rate=6, shop_rate=1000, clock=clock)
    assert [taking.take("a", "v") for _ in range(8)] == [0] * 6 + [10, 10]
    clock.now += 9.9
    assert taking.take("a", "v") == 1
    clock.now += 0.2
    assert [taking.take("a", "v") for _ in range(2)] == [0, 10]
    clock.now += 3600
    assert [taking.take("a", "v") for _ in range(7)] == [0] * 6 + [10]


def test_visitors_and_shops_have_shares_of_their_own() -> None:
    """One visitor's storm is not another's, nor that of the same key at another shop."""
    taking = RateLimiter(visitor_rate=1, shop_rate=1000, clock=Clock())
    assert [taking.take(shop, visitor) for shop, visitor in [("a", "v"), ("a", "w"), ("b", "v")]] == [0, 0, 0]
    assert taking.take("a", "v") == 60


def test_a_shop_s_share_holds_for_all_of_its_visitors() -> None:
    """A stranger who makes up a new visitor for each event still cannot fill the inbox."""
    taking = RateLimiter(visitor_rate=1, shop_rate=5, clock=Clock())
    assert [taking.take("a", str(number)) for number in range(6)] == [0] * 5 + [1]
    assert taking.take("b") == 0


def test_refused_events_use_up_nothing() -> None:
    """Who hammers on does not wait longer for it."""
    clock = Clock()
    taking = RateLimiter(visitor_rate=1, shop_rate=1000, clock=clock)
    for _ in range(100):
        taking.take("a", "v")
    clock.now += 60
    assert taking.take("a", "v") == 0


def test_who_has_left_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is that of the last minute's visitors."""
    monkeypatch.setattr(rate_limit, "TIDY_AT", 10)
    clock = Clock()
    taking = RateLimiter(visitor_rate=60, shop_rate=1000, clock=clock)
    for number in range(1000):
        clock.now += 1
        assert taking.take("a", str(number)) == 0
    assert len(taking._visitor._unused_at) <= 20  # noqa: SLF001 - what is remembered is the fact under test
