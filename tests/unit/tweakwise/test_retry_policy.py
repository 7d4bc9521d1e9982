"""Retry or give up: the whole table of failures, attempts, ages and policies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tables import for_each
from webhook_app.tweakwise.retry_policy import (
    MAX_RETRY_AFTER,
    Failure,
    FailureClass,
    GiveUp,
    Policy,
    Retry,
    classify,
    decide,
)

BASE, CAP, GIVE_UP_AFTER = 5.0, 3600.0, 259_200.0
RETRY = Policy(BASE, CAP, GIVE_UP_AFTER, "retry")
PARK = Policy(BASE, CAP, GIVE_UP_AFTER, "park")
ALMOST_ALL, LEAST = 0.999, 0.0

UNSENT = ["dns", "connect", "tls"]
AMBIGUOUS = ["timeout", "reset"]
TRANSIENT = [408, 425, 429, 500, 501, 503, 507, 521, 599]
PROXY = [502, 504, 520, 522, 524]  # a proxy that got no valid answer after it had passed the request on
REFUSED = [401, 403, 404]
REDIRECTED = [301, 302, 304, 307, 308]
FINAL = [400, 402, 405, 406, 409, 410, 411, 413, 415, 422, 431, 451]
DURATIONS = st.floats(0.001, 1e13)
NAMES = [*UNSENT, *AMBIGUOUS]
STATUSES = [*TRANSIENT, *PROXY, *REFUSED, *REDIRECTED, *FINAL]


def http(status: int, retry_after: float | None = None) -> Failure:
    return Failure(f"http_{status}", status, retry_after)


def decided(
    failure: Failure, policy: Policy = RETRY, attempt: int = 1, age: float = 0.0, jitter: float = ALMOST_ALL
) -> Retry | GiveUp:
    return decide(failure, attempt, age, policy, lambda: jitter)


def delay(failure: Failure, attempt: int = 1, jitter: float = ALMOST_ALL, policy: Policy = RETRY) -> float:
    decision = decided(failure, policy, attempt, jitter=jitter)
    assert isinstance(decision, Retry)
    return decision.delay


@for_each("attempt", [1, 2, 10, 1000])
@for_each("age", [0.0, GIVE_UP_AFTER - 0.001])
@for_each("failure", [*map(Failure, NAMES), *map(http, [*TRANSIENT, *PROXY, *REFUSED, *REDIRECTED])])
def test_retries(failure: Failure, age: float, attempt: int) -> None:
    """A failure that may pass is retried until RETRY_FOR is over, after any number of attempts."""
    assert isinstance(decided(failure, RETRY, attempt, age), Retry)


@for_each("attempt", [1, 2, 10, 1000])
@for_each("age", [GIVE_UP_AFTER, GIVE_UP_AFTER * 2])
@for_each("failure", [*map(Failure, NAMES), *map(http, [*TRANSIENT, *PROXY])])
def test_gives_up_in_the_end(failure: Failure, age: float, attempt: int) -> None:
    """After RETRY_FOR the call is given up, and the last failure is the reason."""
    assert decided(failure, RETRY, attempt, age) == GiveUp(f"gave_up_{failure.name}")


@for_each("age", [GIVE_UP_AFTER, GIVE_UP_AFTER * 100])
@for_each("status", [*REFUSED, *REDIRECTED])
def test_wrong_key_or_address_is_never_given_up(status: int, age: float) -> None:
    """Correcting the key after a week sends everything that waits."""
    assert isinstance(decided(http(status), RETRY, 1000, age), Retry)


@for_each("policy", [RETRY, PARK])
@for_each("age", [0.0, GIVE_UP_AFTER])
@for_each("attempt", [1, 10])
@for_each("status", FINAL)
def test_refused_body_is_final(status: int, attempt: int, age: float, policy: Policy) -> None:
    """A call that Tweakwise rejects is given up immediately, under either policy."""
    assert decided(http(status), policy, attempt, age) == GiveUp(f"http_{status}")


@for_each("age", [0.0, GIVE_UP_AFTER])
@for_each("attempt", [1, 10])
@for_each("failure", [*map(Failure, AMBIGUOUS), *map(http, PROXY)])
def test_parks_what_may_have_been_counted(failure: Failure, attempt: int, age: float) -> None:
    """With ON_TIMEOUT=park a call that may have been counted is not sent again."""
    assert decided(failure, PARK, attempt, age) == GiveUp(f"parked_{failure.name}", parked=True)


@for_each("failure", [*map(Failure, UNSENT), *map(http, [*TRANSIENT, *REFUSED, *REDIRECTED])])
def test_parks_nothing_else(failure: Failure) -> None:
    """A call that was certainly not counted is retried under either policy."""
    assert decided(failure, PARK) == decided(failure, RETRY)


@for_each("name", AMBIGUOUS)
def test_giving_up_does_not_park(name: str) -> None:
    """Under ON_TIMEOUT=retry an ambiguous failure is given up like any other."""
    assert decided(Failure(name), RETRY, age=GIVE_UP_AFTER) == GiveUp(f"gave_up_{name}", parked=False)


def test_unknown_failure_is_final() -> None:
    """An unknown failure is not retried."""
    assert decided(Failure("surprise")) == GiveUp("surprise")


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (9, 1280), (10, 2560), (11, 3600), (12, 3600), (61, 3600), (100_000, 3600)],
)
def test_backoff_doubles_up_to_the_cap(attempt: int, longest: float) -> None:
    """The range of delays doubles with every attempt, up to RETRY_CAP."""
    assert delay(http(503), attempt) == pytest.approx(longest * ALMOST_ALL)


@for_each("attempt", [1, 5, 100])
def test_jitter_may_be_zero(attempt: int) -> None:
    """The range begins at zero, so that calls that failed together are not retried together."""
    assert delay(http(503), attempt, LEAST) == 0


def test_jitter_never_reaches_the_cap() -> None:
    """The longest delay stays below RETRY_CAP."""
    assert delay(http(503), 100) < CAP


def test_cap_below_base() -> None:
    """A cap that is shorter than the base wins."""
    assert delay(http(503), 5, policy=Policy(60, 1, GIVE_UP_AFTER)) == pytest.approx(ALMOST_ALL)


@for_each("status", [429, 503, 500, 408, 401])
@pytest.mark.parametrize("retry_after", [0.0, 60.0, MAX_RETRY_AFTER])
def test_retry_after_is_honoured(status: int, retry_after: float) -> None:
    """No retry comes before Retry-After, even if that is longer than RETRY_CAP."""
    assert delay(http(status, retry_after), jitter=LEAST, policy=Policy(1, 1, GIVE_UP_AFTER)) == retry_after


def test_retry_after_does_not_shorten() -> None:
    """A short Retry-After does not shorten the backoff."""
    assert delay(http(503, 1.0), attempt=5) == pytest.approx(80 * ALMOST_ALL)


@pytest.mark.parametrize("retry_after", [7200.0, GIVE_UP_AFTER * 2, 1e18, 1e300, math.inf])
def test_retry_after_has_an_end(retry_after: float) -> None:
    """It delays a call for minutes at most, and never beyond RETRY_FOR, whatever the server asks for."""
    assert delay(http(503, retry_after)) == MAX_RETRY_AFTER
    assert delay(http(503, retry_after), policy=Policy(1, 1, 30)) == 30


def test_final_failure_stays_final_with_retry_after() -> None:
    """A 400 with Retry-After is not retried."""
    assert decided(http(400, 5.0)) == GiveUp("http_400")


@given(
    st.one_of(
        st.builds(Failure, st.sampled_from(NAMES)),
        st.builds(http, st.sampled_from(STATUSES), st.none() | st.floats(0, 1e308)),
    ),
    st.integers(1, 10**9),
    st.floats(0, 1e12),
    st.builds(Policy, DURATIONS, DURATIONS, DURATIONS, st.sampled_from(["retry", "park"])),
    st.floats(0, 1, exclude_max=True),
)
def test_delay_has_bounds(failure: Failure, attempt: int, age: float, policy: Policy, jitter: float) -> None:
    """Every decision is to give up, or a delay between zero and the longer of RETRY_CAP and Retry-After's limit."""
    decision = decide(failure, attempt, age, policy, lambda: jitter)
    assert isinstance(decision, GiveUp) or 0 <= decision.delay <= max(
        policy.cap, min(failure.retry_after or 0, MAX_RETRY_AFTER)
    )


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (None, FailureClass.ANSWERED),
        *((http(status), FailureClass.ANSWERED) for status in [*FINAL, 299, 499]),
        *((http(status), FailureClass.REFUSED) for status in [*REFUSED, *REDIRECTED, 300, 399]),
        *((http(status), FailureClass.UNAVAILABLE) for status in [408, 425, 500, 503, 599]),
        *((Failure(name), FailureClass.UNAVAILABLE) for name in NAMES),
        (http(429), FailureClass.RATE_LIMITED),
        (Failure("surprise"), FailureClass.ANSWERED),
    ],
)
def test_classes_of_failures(failure: Failure | None, kind: FailureClass) -> None:
    """What each failure shows about Tweakwise; None is a success."""
    assert classify(failure) is kind


def test_failure_without_a_response() -> None:
    """Only the name is known of a failure without a response."""
    failure = Failure("dns")
    assert (failure.status, failure.retry_after, failure.answer) == (0, None, "")
