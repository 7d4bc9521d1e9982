"""Breakers and lowered rates in words."""

from __future__ import annotations

import pytest

from webhook_app.throttling import descriptions
from webhook_app.throttling.state import ALL, Scope, ThrottleState

NOW = 1_000_000
OPEN = "nothing is sent, no attempt is used up; one call tries again in 5 s."
NEXT = "the next call tries whether it works again."
PROBING = "one call is on its way to try whether it works again."
DOUBLES = "it doubles by itself every 20 s."


@pytest.mark.parametrize(
    ("throttle", "said"),
    [
        (ThrottleState(Scope.shop("a")), ""),
        (
            ThrottleState(Scope.shop("a"), reason="http_401", open_until=NOW + 4500),
            "shop a: breaker open because the instance key was refused (http_401): " + OPEN,
        ),
        (
            ThrottleState(Scope.tweakwise("https://t"), reason="http_503", open_until=NOW),
            "Tweakwise at https://t: breaker half-open because Tweakwise has trouble of its own (http_503): " + NEXT,
        ),
        (
            ThrottleState(ALL, reason="timeout", open_until=NOW + 1, probing=True),
            "all shops together: breaker half-open because no answer came in time (timeout): " + PROBING,
        ),
        (
            ThrottleState(Scope.shop("a"), failures=3, reason="reset"),
            "shop a: 3 failures in a row (the connection broke (reset)).",
        ),
        (
            ThrottleState(Scope.shop("a"), reason="http_429", rate=5.0, rate_at=NOW),
            "shop a: slowed down to 5 calls a second (Tweakwise asks to go slower (http_429)); " + DOUBLES,
        ),
        (ThrottleState(Scope.shop("a"), rate=5.0, rate_at=NOW - 10**6), ""),
    ],
)
def test_a_lane_in_words(throttle: ThrottleState, said: str) -> None:
    """Whose calls, what is held up until when, and why."""
    assert descriptions.sentences(throttle, NOW) == said


def test_a_listed_shop_is_concerned() -> None:
    """By its own breaker, and by those that all shops share."""
    scopes = [Scope.shop("a"), Scope.shop("b"), Scope.tweakwise("x"), ALL]
    throttles = [*(ThrottleState(scope, open_until=1) for scope in scopes), ThrottleState(Scope.shop("c"))]
    assert [each.scope for each in descriptions.open_for(throttles, {"a", "c"})] == [scopes[0], *scopes[2:]]
