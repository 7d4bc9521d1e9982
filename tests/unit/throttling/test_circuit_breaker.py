"""Circuit breaker and rate limit of a scope: when calls may begin, and how their results change the state."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_app.throttling import circuit_breaker
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.tweakwise.retry_policy import Failure

NOW = 1_795_000_000_000
NEW = ThrottleState(Scope.shop("acme"))
SUCCESS = None
REFUSED, BROKEN, WRONG = (Failure(f"http_{status}", status) for status in (401, 503, 422))
RATE_LIMITED = Failure("http_429", 429)
TIMEOUT = Failure("timeout")
OPENS_AFTER = 5


def limited(seconds: float) -> Failure:
    return replace(RATE_LIMITED, retry_after=seconds)


def after(throttle: ThrottleState, *results: Failure | None, now: int = NOW) -> ThrottleState:
    return circuit_breaker.after_results(throttle, results, now, OPENS_AFTER, lambda: 1.0)


def opened(*results: Failure | None) -> ThrottleState:
    throttle = after(NEW, *results)
    assert throttle.open_until is not None
    return throttle


def allowed(throttle: ThrottleState, now: int, wanted: int = 100, max_rate: float | None = None) -> int:
    return circuit_breaker.reserve(throttle, wanted, now, max_rate)[1]


# The breaker


@pytest.mark.parametrize("status", [301, 302, 401, 403, 404])
def test_wrong_key_or_address_opens_at_once(status: int) -> None:
    """Every other call of the shop would be refused as well."""
    throttle = opened(Failure(f"http_{status}", status))
    assert (throttle.open_until, throttle.reason) == (NOW + circuit_breaker.MIN_PAUSE, f"http_{status}")


@pytest.mark.parametrize("failure", [BROKEN, TIMEOUT, Failure("dns"), Failure("connect"), Failure("http_408", 408)])
def test_failures_in_a_row_open(failure: Failure) -> None:
    """One failure is no outage; several in a row are."""
    assert after(NEW, *[failure] * (OPENS_AFTER - 1)).open_until is None
    assert after(NEW, *[failure] * OPENS_AFTER).open_until == NOW + circuit_breaker.MIN_PAUSE


@pytest.mark.parametrize("answer", [SUCCESS, WRONG, RATE_LIMITED])
def test_an_answer_resets_the_count(answer: Failure | None) -> None:
    """Any answer shows that Tweakwise is available, also the refusal of one event."""
    throttle = after(NEW, *[BROKEN] * (OPENS_AFTER - 1), answer, *[BROKEN] * (OPENS_AFTER - 1))
    assert throttle.open_until is None


def test_nothing_begins_while_it_is_open() -> None:
    """No attempt is used up."""
    throttle = opened(REFUSED)
    assert allowed(throttle, NOW) == 0
    assert circuit_breaker.blocked_until(throttle, NOW, None) == throttle.open_until


def test_one_call_probes() -> None:
    """After the pause one call probes, and no second one beside it."""
    throttle = opened(REFUSED)
    later = NOW + circuit_breaker.MIN_PAUSE
    probing, count = circuit_breaker.reserve(throttle, 100, later, None)
    assert count == 1
    assert allowed(probing, later) == 0


def test_lost_probe_is_repeated() -> None:
    """A worker that crashed with the probe does not keep the breaker open."""
    later = NOW + circuit_breaker.MIN_PAUSE
    probing, _ = circuit_breaker.reserve(opened(REFUSED), 100, later, None)
    assert allowed(probing, later + circuit_breaker.PROBE_TIMEOUT) == 1


def test_success_of_the_probe_closes() -> None:
    """The waiting calls begin again, slowly at first."""
    probing, _ = circuit_breaker.reserve(opened(REFUSED), 100, NOW + circuit_breaker.MIN_PAUSE, None)
    closed = after(probing, SUCCESS, now=NOW + 6000)
    assert (closed.open_until, closed.failures, closed.reason, closed.rate) == (
        None,
        0,
        "",
        circuit_breaker.INITIAL_RATE,
    )
    assert allowed(closed, NOW + 6000) == circuit_breaker.INITIAL_RATE


def test_failure_of_the_probe_doubles_the_pause_up_to_the_longest() -> None:
    """The longer an outage lasts, the rarer the probes."""
    throttle, now, pauses = opened(REFUSED), NOW, []
    for _ in range(10):
        assert throttle.open_until is not None
        pauses.append(throttle.open_until - now)
        now = throttle.open_until
        throttle, _ = circuit_breaker.reserve(throttle, 1, now, None)
        throttle = after(throttle, BROKEN, now=now)
    assert pauses[:3] == [
        circuit_breaker.MIN_PAUSE,
        2 * circuit_breaker.MIN_PAUSE,
        4 * circuit_breaker.MIN_PAUSE,
    ]
    assert pauses[-1] == circuit_breaker.MAX_PAUSE


def test_calls_in_flight_do_not_count() -> None:
    """Calls that began before the breaker opened and fail after it do not lengthen the pause."""
    throttle = opened(REFUSED)
    assert after(throttle, REFUSED, BROKEN, TIMEOUT) == throttle


# The rate


def test_no_limit_unless_configured() -> None:
    """Without failures everything may begin, and no state is stored."""
    assert circuit_breaker.reserve(NEW, 100, NOW, None) == (NEW, 100)


def test_configured_rate_holds() -> None:
    """A second's calls may begin at once, then they are evenly spaced."""
    throttle, first = circuit_breaker.reserve(NEW, 100, NOW, 20.0)
    assert first == 20
    assert allowed(throttle, NOW, max_rate=20.0) == 0
    assert allowed(throttle, NOW + 500, max_rate=20.0) == 10


def test_first_429_pauses_and_lowers() -> None:
    """During Retry-After nothing begins; then one call probes, and after it the rate begins low."""
    throttle = after(NEW, limited(30.0))
    assert circuit_breaker.blocked_until(throttle, NOW, None) == NOW + 30_000
    assert allowed(throttle, NOW + 29_999) == 0
    probing, count = circuit_breaker.reserve(throttle, 100, NOW + 30_000, None)
    assert (count, allowed(probing, NOW + 30_000)) == (1, 0)
    closed = after(probing, SUCCESS, now=NOW + 30_050)
    assert not closed.is_open
    assert allowed(closed, NOW + 30_050) == circuit_breaker.INITIAL_RATE


@pytest.mark.parametrize("retry_after", [300.0, 301.0, 99_999_999_999.0, 1e308, math.inf])
def test_no_retry_after_pauses_for_longer_than_minutes(retry_after: float) -> None:
    """Whatever a response asks for, a probe follows after MAX_PAUSE."""
    for failure in (limited(retry_after), Failure("http_503", 503, retry_after)):
        throttle = after(NEW, *[failure] * OPENS_AFTER)
        assert throttle.open_until == NOW + circuit_breaker.MAX_PAUSE
        assert allowed(throttle, NOW + circuit_breaker.MAX_PAUSE) == 1


def test_failed_probe_pauses_again_at_half_the_rate() -> None:
    """A 429 to the probe asks for the next pause; without Retry-After the breaker closes at a lower rate."""
    probing, _ = circuit_breaker.reserve(after(NEW, limited(30.0)), 1, NOW + 30_000, None)
    again = after(probing, limited(60.0), now=NOW + 30_000)
    assert (again.open_until, again.pauses, again.probing, again.rate) == (NOW + 90_000, 2, False, 5.0)
    closed = after(probing, RATE_LIMITED, now=NOW + 30_000)
    assert (closed.open_until, closed.pauses, closed.rate) == (None, 0, 5.0)


@pytest.mark.parametrize("late", [SUCCESS, WRONG, BROKEN, REFUSED, RATE_LIMITED, Failure("http_429", 429, 10.0)])
def test_calls_that_began_before_a_pause_do_not_end_it(late: Failure | None) -> None:
    """Of several calls in flight one may be answered 204 after another one's 429."""
    throttle = after(NEW, limited(30.0))
    assert after(throttle, late) == throttle


def test_longest_of_several_pauses_counts() -> None:
    """The calls in flight together are answered with different pauses; the rate is lowered once."""
    throttle = after(NEW, limited(10.0), limited(30.0), limited(20.0))
    assert throttle == after(NEW, limited(30.0))


def test_retry_after_of_an_outage_is_honoured() -> None:
    """A 503 may ask for a longer pause than the breaker's own; a shorter one changes nothing."""
    assert after(NEW, *[Failure("http_503", 503, 120.0)] * OPENS_AFTER).open_until == NOW + 120_000
    assert after(NEW, *[Failure("http_503", 503, 1.0)] * OPENS_AFTER).open_until == NOW + circuit_breaker.MIN_PAUSE


def test_each_429_halves() -> None:
    """Down to the lowest rate and no further: calls must begin to find out."""
    assert after(NEW, RATE_LIMITED, RATE_LIMITED).rate == circuit_breaker.INITIAL_RATE / 2
    assert after(NEW, *[RATE_LIMITED] * 50).rate == circuit_breaker.MIN_RATE


def test_rate_rises_slowly() -> None:
    """It doubles at intervals, until there is no limit any more."""
    throttle = after(NEW, RATE_LIMITED)
    assert (
        circuit_breaker.current_rate(throttle, NOW + circuit_breaker.DOUBLES_EVERY, None)
        == 2 * circuit_breaker.INITIAL_RATE
    )
    assert circuit_breaker.current_rate(throttle, NOW + 10 * circuit_breaker.DOUBLES_EVERY, None) is None
    assert circuit_breaker.current_rate(throttle, NOW + 10 * circuit_breaker.DOUBLES_EVERY, 50.0) == 50.0


def test_recovered_scope_has_no_state() -> None:
    """After the recovery the state is that of a new scope."""
    throttle = after(NEW, RATE_LIMITED)
    assert after(throttle, SUCCESS, now=NOW + 10 * circuit_breaker.DOUBLES_EVERY) == NEW


def test_rate_below_one_a_second_still_lets_one_begin() -> None:
    """The lowest rate is not zero."""
    throttle, first = circuit_breaker.reserve(NEW, 5, NOW, 0.1)
    assert first == 1
    assert circuit_breaker.blocked_until(throttle, NOW, 0.1) == NOW + 10_000


@given(
    rate=st.floats(0.1, 5000),
    steps=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 500)), min_size=1, max_size=40),
)
def test_rate_is_never_exceeded(rate: float, steps: list[tuple[int, int]]) -> None:
    """In any period no more begin than the rate allows, plus one second's calls."""
    throttle, now, total = NEW, NOW, 0
    for pause, wanted in steps:
        now += pause
        throttle, count = circuit_breaker.reserve(throttle, wanted, now, rate)
        assert 0 <= count <= wanted
        total += count
    assert total <= rate * (now - NOW) / 1000 + max(rate, 1) + 1


@given(rate=st.floats(0.1, 1000), wanted=st.integers(1, 500))
def test_blocked_until_is_when_the_next_may_begin(rate: float, wanted: int) -> None:
    """A call at that time may begin."""
    throttle, _ = circuit_breaker.reserve(NEW, wanted, NOW, rate)
    until = max(circuit_breaker.blocked_until(throttle, NOW, rate), NOW)
    assert allowed(throttle, until + 1, max_rate=rate) >= 1


@given(results=st.lists(st.sampled_from([SUCCESS, REFUSED, BROKEN, WRONG, RATE_LIMITED, TIMEOUT]), max_size=30))
def test_breaker_is_open_only_for_a_reason(results: list[Failure | None]) -> None:
    """Whatever the results, an open breaker has a reason, and a closed one no pause."""
    throttle = after(NEW, *results)
    assert (throttle.open_until is None) == (throttle.pauses == 0)
    assert throttle.open_until is None or throttle.reason


# States that earlier versions or another clock left behind

TEN_YEARS = 10 * 365 * 86_400_000
IMPOSSIBLE = [
    replace(NEW, reason="http_429", rate=10.0, rate_at=NOW, next_at=NOW + 1_157_407 * 86_400_000.0),
    replace(NEW, reason="http_429", rate=10.0, rate_at=NOW, next_at=math.inf),
    replace(NEW, reason="http_429", rate=10.0, rate_at=NOW, next_at=math.nan),
    replace(NEW, reason="http_503", pauses=3, open_until=NOW + TEN_YEARS),
    replace(NEW, reason="http_503", pauses=3, open_until=NOW + TEN_YEARS, probing=True),
    replace(NEW, reason="http_429", pauses=1, open_until=2**62, rate=10.0, rate_at=2**62),
    replace(NEW, rate=5e-324, rate_at=NOW),
    replace(NEW, rate=0.0, rate_at=NOW + TEN_YEARS),
    replace(NEW, rate=0.1, rate_at=NOW + TEN_YEARS, next_at=NOW + TEN_YEARS),
]


@pytest.mark.parametrize("max_rate", [None, 50.0, 0.01])
@pytest.mark.parametrize("stored", IMPOSSIBLE)
def test_a_stored_state_heals(stored: ThrottleState, max_rate: float | None) -> None:
    """A call may begin now, and after successes for some minutes nothing is left of it."""
    throttle, now = circuit_breaker.healed(stored, NOW), NOW
    assert circuit_breaker.blocked_until(throttle, now, max_rate) <= now
    for _ in range(60):
        throttle, count = circuit_breaker.reserve(circuit_breaker.healed(throttle, now), 5, now, max_rate)
        throttle = after(throttle, *[SUCCESS] * count, now=now)
        now += 10_000
    throttle = circuit_breaker.healed(throttle, now)
    assert (throttle.open_until, throttle.rate, throttle.reason) == (None, None, "")


@pytest.mark.parametrize("throttle", [NEW, after(NEW, REFUSED), after(NEW, limited(300.0)), after(NEW, RATE_LIMITED)])
def test_a_possible_state_stays(throttle: ThrottleState) -> None:
    """Only impossible times are corrected, and what this version stores is possible."""
    assert circuit_breaker.healed(throttle, NOW) == throttle
    assert circuit_breaker.healed(throttle, NOW - 30_000) == throttle


@given(
    results=st.lists(
        st.tuples(
            st.sampled_from([SUCCESS, REFUSED, BROKEN, WRONG, TIMEOUT, RATE_LIMITED])
            | st.builds(limited, st.floats(0, allow_nan=False)),
            st.integers(-TEN_YEARS, TEN_YEARS) | st.integers(0, 400_000),
        ),
        max_size=30,
    )
)
def test_no_history_closes_a_scope_for_good(results: list[tuple[Failure | None, int]]) -> None:
    """Whatever the answers and however the clock jumps, a call may begin within minutes, at a rate above zero."""
    throttle, now = NEW, NOW + 10 * TEN_YEARS
    for failure, pause in results:
        now = max(now + pause, NOW)
        throttle = circuit_breaker.healed(throttle, now)
        throttle, _ = circuit_breaker.reserve(throttle, 1, now, None)
        throttle = after(throttle, failure, now=now)
        rate = circuit_breaker.current_rate(throttle, now, None)
        assert rate is None or rate >= circuit_breaker.MIN_RATE
        latest = now + circuit_breaker.MAX_PAUSE + circuit_breaker.CLOCK_MARGIN
        assert circuit_breaker.blocked_until(throttle, now, None) <= latest


# Details of the state


def test_jitter_halves_the_pause_at_most() -> None:
    """The pause is drawn from its upper half, so that breakers that opened together do not probe together."""
    shortest = circuit_breaker.after_results(NEW, [REFUSED], NOW, OPENS_AFTER, lambda: 0.0)
    assert shortest.open_until == NOW + circuit_breaker.MIN_PAUSE / 2


def test_failures_below_the_threshold_are_counted() -> None:
    """They have a reason, and change nothing else."""
    assert after(NEW, BROKEN, TIMEOUT) == replace(NEW, failures=2, reason="timeout")


def test_open_breaker_has_its_whole_state() -> None:
    """The failures that opened it, the reason, and how often in a row it opened."""
    throttle = after(NEW, *[BROKEN] * OPENS_AFTER)
    assert throttle == replace(
        NEW, failures=OPENS_AFTER, reason="http_503", pauses=1, open_until=NOW + circuit_breaker.MIN_PAUSE
    )


def test_probe_has_a_timeout() -> None:
    """The state while a probe is in flight; without a wanted call there is none."""
    throttle = opened(REFUSED)
    later = NOW + circuit_breaker.MIN_PAUSE
    probing, _ = circuit_breaker.reserve(throttle, 1, later, None)
    assert probing == replace(throttle, probing=True, open_until=later + circuit_breaker.PROBE_TIMEOUT)
    assert allowed(throttle, later, wanted=0) == 0
    assert allowed(probing, later + circuit_breaker.PROBE_TIMEOUT - 1) == 0
    assert allowed(throttle, later - 1) == 0


def test_failed_probe_opens_again() -> None:
    """The breaker is open and no longer half-open, whatever the kind of failure."""
    probing, _ = circuit_breaker.reserve(opened(REFUSED), 1, NOW + circuit_breaker.MIN_PAUSE, None)
    failed = after(probing, TIMEOUT, now=NOW + 6000)
    assert (failed.probing, failed.pauses, failed.failures, failed.reason) == (False, 2, 2, "timeout")
    assert failed.open_until == NOW + 6000 + 2 * circuit_breaker.MIN_PAUSE


def test_success_closes_and_forgets() -> None:
    """Every field of an open breaker is reset, and the rate begins low."""
    throttle = opened(*[BROKEN] * OPENS_AFTER)
    closed = replace(NEW, rate=circuit_breaker.INITIAL_RATE, rate_at=NOW + 6000)
    probing, _ = circuit_breaker.reserve(throttle, 1, NOW + circuit_breaker.MIN_PAUSE, None)
    assert after(throttle, SUCCESS, now=NOW + 6000) == closed
    assert after(probing, SUCCESS, now=NOW + 6000) == closed


def test_success_resets_the_failures() -> None:
    """A success after some failures leaves a new state, and one without failures changes nothing."""
    assert after(NEW, BROKEN, SUCCESS) == NEW
    assert after(NEW, SUCCESS) == NEW
    assert after(NEW, WRONG) == after(NEW, BROKEN, WRONG) == NEW


def test_lifted_rate_keeps_the_reason_of_new_failures() -> None:
    """When the rate has risen to unlimited, only its own reason is removed."""
    limited = after(NEW, RATE_LIMITED)
    much_later = NOW + 10 * circuit_breaker.DOUBLES_EVERY
    assert after(limited, BROKEN, now=much_later) == replace(NEW, failures=1, reason="http_503")


def test_lowered_rate_has_its_whole_state() -> None:
    """A 429 without Retry-After lowers the rate, and the next call is evenly spaced from now on."""
    throttle = after(NEW, RATE_LIMITED)
    slack = 1000 - 1000 / circuit_breaker.INITIAL_RATE
    expected = replace(NEW, reason="http_429", rate=circuit_breaker.INITIAL_RATE, rate_at=NOW, next_at=NOW + slack)
    assert throttle == expected
    assert circuit_breaker.blocked_until(throttle, NOW, None) == NOW


def test_rate_is_lifted_at_the_configured_one() -> None:
    """A lowered rate that has risen to the configured one is replaced by it; a lower one applies."""
    throttle = after(NEW, RATE_LIMITED)
    double = 2 * circuit_breaker.INITIAL_RATE
    at = NOW + circuit_breaker.DOUBLES_EVERY
    assert circuit_breaker.current_rate(throttle, at, double) == double
    assert circuit_breaker.current_rate(throttle, NOW, double) == circuit_breaker.INITIAL_RATE
    assert circuit_breaker.current_rate(throttle, at, double + 1) == double
    assert circuit_breaker.current_rate(throttle, at, double - 1) == double - 1
    assert circuit_breaker.current_rate(throttle, NOW + 10**12, 5000.0) == 5000.0
    assert circuit_breaker.current_rate(NEW, NOW, 7.0) == 7.0


def test_past_reservations_are_forgotten() -> None:
    """The time of the next call is stored only while it lies in the future."""
    throttle, _ = circuit_breaker.reserve(NEW, 5, NOW, 10.0)
    assert after(throttle, SUCCESS, now=NOW) == throttle
    assert after(throttle, SUCCESS, now=NOW + 500) == NEW


def test_reservations_are_evenly_spaced() -> None:
    """Each call moves the next one by the interval of the rate, from now if none is reserved."""
    throttle, count = circuit_breaker.reserve(NEW, 5, NOW, 10.0)
    assert (count, throttle.next_at) == (5, NOW + 500)
    throttle, count = circuit_breaker.reserve(throttle, 100, NOW, 10.0)
    assert (count, throttle.next_at) == (5, NOW + 1000)
    assert circuit_breaker.blocked_until(throttle, NOW, 10.0) == NOW + 100
    assert circuit_breaker.reserve(throttle, 100, NOW, 10.0) == (throttle, 0)


def test_nothing_blocks_a_new_scope() -> None:
    """Without a rate calls begin immediately; with one of less than 1 per second there is no burst."""
    assert circuit_breaker.blocked_until(NEW, NOW, None) == 0
    assert circuit_breaker.reserve(NEW, 3, NOW, 1.0) == (replace(NEW, next_at=NOW + 1000), 1)


def test_blocked_until_is_in_whole_milliseconds() -> None:
    """A fraction is rounded up, so that a wait never ends too early."""
    assert circuit_breaker.blocked_until(replace(NEW, next_at=NOW + 0.5), NOW, 1.0) == NOW + 1


def test_values_are_those_of_the_documentation() -> None:
    """docs/architecture.md promises them."""
    assert (circuit_breaker.FAILURES_OF_SHOP, circuit_breaker.FAILURES_OF_TWEAKWISE) == (5, 10)
    assert (circuit_breaker.MIN_PAUSE, circuit_breaker.MAX_PAUSE, circuit_breaker.PROBE_TIMEOUT) == (
        5_000,
        300_000,
        15_000,
    )
    assert (circuit_breaker.INITIAL_RATE, circuit_breaker.MIN_RATE, circuit_breaker.UNLIMITED_RATE) == (10, 0.1, 2000)
    assert (circuit_breaker.DOUBLES_EVERY, circuit_breaker.BURST) == (20_000, 1)


def test_rate_is_lifted_at_the_unlimited_one() -> None:
    """A rate that has risen exactly that far is lifted."""
    throttle = replace(NEW, rate=circuit_breaker.UNLIMITED_RATE / 2, rate_at=NOW)
    assert circuit_breaker.current_rate(throttle, NOW + circuit_breaker.DOUBLES_EVERY, None) is None


def test_fractions_are_cut_off() -> None:
    """Times and counts are whole numbers, as the database stores them."""
    throttle = circuit_breaker.after_results(NEW, [REFUSED], NOW, OPENS_AFTER, lambda: 0.3333)
    assert throttle.open_until == NOW + int(circuit_breaker.MIN_PAUSE * (0.5 + 0.3333 / 2))
    assert isinstance(throttle.open_until, int)
    assert allowed(NEW, NOW, max_rate=2.5) == 2


def test_lowered_rate_keeps_its_reason() -> None:
    """A success does not lift the rate, so its reason stays too."""
    assert after(NEW, RATE_LIMITED, SUCCESS).reason == "http_429"
