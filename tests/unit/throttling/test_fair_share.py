"""Whose turn it is: every shop gets its share, and round they go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from webhook_app.throttling.fair_share import MAX_SHOPS, shares

SHOPS = st.lists(st.text("abc", min_size=1, max_size=4), unique=True, max_size=40).map(sorted)


def test_nobody_waits_is_nobody_served() -> None:
    """Without shops there are no shares."""
    assert shares(8, [], "") == {}


def test_shares_are_even_and_nothing_is_left_over() -> None:
    """What cannot be divided goes to those whose turn comes first."""
    assert shares(8, ["a", "b", "c"], "") == {"a": 3, "b": 3, "c": 2}


def test_turn_goes_on_after_the_last() -> None:
    """The one after the last is the first now."""
    assert list(shares(8, ["a", "b", "c"], "a")) == ["b", "c", "a"]


def test_last_may_have_gone() -> None:
    """A shop that has nothing any more still marks the place."""
    assert list(shares(8, ["a", "c"], "b")) == ["c", "a"]


@given(limit=st.integers(1, 300), names=SHOPS, last=st.text("abc", max_size=4))
def test_shares_are_fair(limit: int, names: list[str], last: str) -> None:
    """Nobody gets more than one above another, all of it is given out, and never to more shops than a turn has."""
    given_out = shares(limit, names, last)
    assert len(given_out) == min(len(names), limit, MAX_SHOPS)
    assert sum(given_out.values()) == (limit if names else 0)
    assert not given_out or max(given_out.values()) - min(given_out.values()) <= 1


@given(limit=st.integers(1, 300), names=SHOPS)
def test_everybody_has_a_turn(limit: int, names: list[str]) -> None:
    """However many shops wait, each is served after a number of turns that grows with them."""
    served: set[str] = set()
    last = ""
    for _ in range(-(-len(names) // min(limit, MAX_SHOPS))):
        chosen = list(shares(limit, names, last))
        served.update(chosen)
        last = chosen[-1]
    assert served == set(names)
