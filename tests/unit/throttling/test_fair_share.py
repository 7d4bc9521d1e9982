"""Fair shares: every shop gets its part, round robin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webhook_app.throttling.fair_share import MAX_SHOPS, shares

SHOPS = st.lists(st.text("abc", min_size=1, max_size=4), unique=True, max_size=40).map(sorted)


def test_no_shops_no_shares() -> None:
    """Without shops there are no shares."""
    assert shares(8, [], "") == {}


def test_shares_are_even_and_nothing_is_left_over() -> None:
    """The remainder goes to the first shops."""
    assert shares(8, ["a", "b", "c"], "") == {"a": 3, "b": 3, "c": 2}


def test_next_claim_continues_after_the_last() -> None:
    """The shop after the last one is first."""
    assert list(shares(8, ["a", "b", "c"], "a")) == ["b", "c", "a"]


def test_last_shop_may_be_absent() -> None:
    """A shop without deliveries still marks the position."""
    assert list(shares(8, ["a", "c"], "b")) == ["c", "a"]


@given(limit=st.integers(1, 300), names=SHOPS, last=st.text("abc", max_size=4))
def test_shares_are_fair(limit: int, names: list[str], last: str) -> None:
    """Shares differ by one at most, sum up to the limit, and go to MAX_SHOPS at most."""
    divided = shares(limit, names, last)
    assert len(divided) == min(len(names), limit, MAX_SHOPS)
    assert sum(divided.values()) == (limit if names else 0)
    assert not divided or max(divided.values()) - min(divided.values()) <= 1


@given(limit=st.integers(1, 300), names=SHOPS)
def test_every_shop_is_served(limit: int, names: list[str]) -> None:
    """Each shop is served within as many claims as the shops need."""
    served: set[str] = set()
    last = ""
    for _ in range(-(-len(names) // min(limit, MAX_SHOPS))):
        chosen = list(shares(limit, names, last))
        served.update(chosen)
        last = chosen[-1]
    assert served == set(names)


def test_number_of_shops_per_claim() -> None:
    """Each shop costs a statement."""
    assert MAX_SHOPS == 16
    assert shares(2, ["a", "b", "c"], "b") == {"c": 1, "a": 1}
    assert len(shares(100, [f"{number:02d}" for number in range(20)], "")) == 16
