"""Open breakers and lowered rates as sentences."""

from __future__ import annotations

import pytest

from webhook_app.throttling import descriptions
from webhook_app.throttling.state import ALL, Scope, ThrottleState

NOW = 1_795_689_720_000  # 10:42 UTC
OPEN = "nothing is sent until a test call then."
END = "To end the pause now: resume --shop a"
NEXT = "the next call is a test, and its result decides."
PROBING = "one test call is in flight, and its result decides."
DOUBLES = "the rate doubles every 20 s by itself."
WAIT = "Nothing to do: its deliveries wait and are sent then."


@pytest.mark.parametrize(
    ("throttle", "text"),
    [
        (ThrottleState(Scope.shop("a")), ""),
        (
            ThrottleState(Scope.shop("a"), reason="http_401", open_until=NOW + 4500),
            (
                "shop a: paused until 10:42:04 UTC, because the instance key was refused (http_401): "
                f"{OPEN} Correct the shop's instance_key. {END}"
            ),
        ),
        (
            ThrottleState(
                Scope.shop("a"), reason="http_429", open_until=NOW + 300_000, rate=10.0, rate_at=NOW + 300_000
            ),
            (
                "shop a: paused until 10:47:00 UTC, because Tweakwise answered 429, too many calls (http_429): "
                f"{OPEN} {WAIT} {END}"
            ),
        ),
        (
            ThrottleState(Scope.tweakwise("https://t"), reason="http_503", open_until=NOW),
            (
                "Tweakwise at https://t: circuit breaker half-open because Tweakwise reports an error on its side "
                f"(http_503): {NEXT} {WAIT}"
            ),
        ),
        (
            ThrottleState(ALL, reason="timeout", open_until=NOW + 1, probing=True),
            (
                "all shops together: circuit breaker half-open because no response came in time (timeout): "
                f"{PROBING} {WAIT}"
            ),
        ),
        (
            ThrottleState(ALL, open_until=NOW + 1),
            (f"all shops together: paused until 10:42:00 UTC, because of earlier failures: {OPEN} {WAIT}"),
        ),
        (
            ThrottleState(Scope.shop("a"), failures=3, reason="reset"),
            "shop a: 3 failures in a row (the connection was lost before the response (reset)).",
        ),
        (
            ThrottleState(Scope.shop("a"), failures=1, reason="surprise"),
            "shop a: 1 failure in a row (surprise).",
        ),
        (
            ThrottleState(Scope.shop("a"), reason="http_429", rate=5.0, rate_at=NOW),
            f"shop a: limited to 5 calls a second (Tweakwise answered 429, too many calls (http_429)); {DOUBLES}",
        ),
        (
            ThrottleState(Scope.shop("a"), rate=1234.5, rate_at=NOW),
            f"shop a: limited to 1\N{NARROW NO-BREAK SPACE}234 calls a second; {DOUBLES}",
        ),
        (
            ThrottleState(Scope.shop("a"), rate=0.12345, rate_at=NOW),
            f"shop a: limited to 0.123 calls a second; {DOUBLES}",
        ),
        (
            ThrottleState(Scope.shop("a"), failures=2, reason="dns", rate=5.0, rate_at=NOW),
            (
                "shop a: 2 failures in a row (the DNS lookup of the address failed (dns)). "
                f"shop a: limited to 5 calls a second (the DNS lookup of the address failed (dns)); {DOUBLES}"
            ),
        ),
        (ThrottleState(Scope.shop("a"), rate=5.0, rate_at=NOW - 10**6), ""),
    ],
)
def test_throttle_as_sentences(throttle: ThrottleState, text: str) -> None:
    """The sentences name the scope, what is held up, why, until when, and what to do."""
    assert descriptions.sentences(throttle, NOW) == text


@pytest.mark.parametrize(
    ("reason", "why", "action"),
    [
        (
            "dns",
            "the DNS lookup of the address failed",
            "Check TWEAKWISE_URL, TWEAKWISE_PROXY and the DNS of this machine.",
        ),
        ("connect", "no connection could be made", "Check TWEAKWISE_URL, TWEAKWISE_PROXY and the firewall."),
        (
            "tls",
            "the TLS handshake or the certificate was refused",
            "Check TWEAKWISE_URL, the proxy, CA_BUNDLE and the clock of this machine.",
        ),
        ("timeout", "no response came in time", WAIT),
        ("reset", "the connection was lost before the response", WAIT),
        ("http_401", "the instance key was refused", "Correct the shop's instance_key."),
        ("http_403", "the instance key was refused", "Correct the shop's instance_key."),
        (
            "http_404",
            "the address or the instance key is unknown there",
            "Correct the shop's instance_key or tweakwise_url.",
        ),
        ("http_429", "Tweakwise answered 429, too many calls", WAIT),
        ("http_301", "the address redirects elsewhere", "Correct tweakwise_url or TWEAKWISE_URL."),
        ("http_503", "Tweakwise reports an error on its side", WAIT),
        ("http_408", "", WAIT),
    ],
)
def test_every_failure_has_a_cause_and_an_action(reason: str, why: str, action: str) -> None:
    """The sentence says what happened, and what to do."""
    throttle = ThrottleState(Scope.shop("a"), reason=reason, open_until=NOW + 5000)
    because = f"{why} ({reason})" if why else reason
    without = f"shop a: paused until 10:42:05 UTC, because {because}: {OPEN}"
    assert descriptions.sentences(throttle, NOW) == f"{without} {action} {END}"
    assert descriptions.sentences(throttle, NOW, with_action=False) == without


def test_an_open_breaker_hides_the_rate() -> None:
    """While nothing is sent, a lowered rate is of no interest."""
    throttle = ThrottleState(Scope.shop("a"), reason="dns", open_until=NOW + 1000, rate=5.0, rate_at=NOW)
    assert "limited" not in descriptions.sentences(throttle, NOW)


def test_open_breakers_of_a_shop() -> None:
    """Those of the shop's own scope, and of the scopes that all shops share."""
    scopes = [Scope.shop("a"), Scope.shop("b"), Scope.tweakwise("x"), ALL]
    throttles = [*(ThrottleState(scope, open_until=1) for scope in scopes), ThrottleState(Scope.shop("c"))]
    assert [each.scope for each in descriptions.open_for(throttles, {"a", "c"})] == [scopes[0], *scopes[2:]]
