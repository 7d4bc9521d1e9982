"""Scopes of throttles, as text and as values."""

from __future__ import annotations

import pytest

from webhook_app.throttling.state import ALL, LONGEST_ADDRESS, Scope, ScopeKind, ThrottleState


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (Scope.shop("acme"), "shop acme"),
        (Scope.shop("a shop"), "shop a shop"),
        (Scope.tweakwise("https://t.example"), "tweakwise https://t.example"),
        (ALL, "all"),
    ],
)
def test_text_of_a_scope(scope: Scope, text: str) -> None:
    """A scope is stored as its kind and its name, and read again."""
    assert str(scope) == text
    assert Scope.parse(text) == scope


@pytest.mark.parametrize("text", ["", "other", "Shop acme"])
def test_unknown_kind_of_scope(text: str) -> None:
    """A text with another kind is refused."""
    with pytest.raises(ValueError, match="is not a valid ScopeKind"):
        Scope.parse(text)


def test_long_addresses_are_cut() -> None:
    """The name of a scope fits its column."""
    assert len(Scope.tweakwise("x" * 1000).name) == LONGEST_ADDRESS == 280
    assert Scope.tweakwise("x" * 280).name == "x" * 280


@pytest.mark.parametrize(
    ("scope", "applies"),
    [(Scope.shop("a"), True), (Scope.shop("b"), False), (Scope.tweakwise("b"), True), (ALL, True)],
)
def test_scope_applies_to_shops(scope: Scope, *, applies: bool) -> None:
    """A shop's scope covers its own calls, the shared scopes cover those of every shop."""
    assert scope.applies_to({"a", "c"}) is applies
    assert scope.is_shop is (scope.kind is ScopeKind.SHOP)


def test_new_state_is_closed_and_unlimited() -> None:
    """Without results a breaker is closed, and no rate applies."""
    state = ThrottleState(ALL)
    assert (state.failures, state.reason, state.pauses, state.open_until) == (0, "", 0, None)
    assert (state.probing, state.rate, state.rate_at, state.next_at) == (False, None, None, 0.0)
    assert not state.is_open
    assert ThrottleState(ALL, open_until=0).is_open
