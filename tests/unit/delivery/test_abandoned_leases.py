"""When an expired lease may be taken over from its worker."""

from __future__ import annotations

import pytest

from webhook_app.delivery.abandoned_leases import COUNTED, GRACE, AbandonedLeases

START = 1_000_000  # of the store's time, in milliseconds


def answered(leases: AbandonedLeases, *seconds: float) -> None:
    """The store answers at these times, and its clock agrees with this process."""
    for at in seconds:
        leases.answered(START + int(at * 1000), at)


def every_half_second(since: float, until: float) -> list[float]:
    return [since + half / 2 for half in range(int(2 * (until - since)) + 1)]


def test_nothing_is_abandoned_at_the_start() -> None:
    """A worker that has just started does not know whether the store was away."""
    leases = AbandonedLeases()
    assert leases.before == 0
    answered(leases, *every_half_second(0, GRACE - 0.5))
    assert leases.before == 0


def test_a_lease_is_abandoned_after_the_grace() -> None:
    """What expired before the store answered for the whole grace is abandoned, what expired later is not yet."""
    leases = AbandonedLeases()
    answered(leases, *every_half_second(0, GRACE))
    assert leases.before == START
    answered(leases, *every_half_second(GRACE, 3 * GRACE))
    assert leases.before == START + 2 * GRACE * 1000


@pytest.mark.parametrize("away", [5, 75, 300, 86_400])
def test_an_outage_does_not_count(away: int) -> None:
    """Leases that expired while the store was away are abandoned a grace after its return, not before."""
    leases = AbandonedLeases()
    answered(leases, *every_half_second(0, 100))
    back = 100 + away
    answered(leases, *every_half_second(back, back + GRACE - COUNTED - 0.5))
    assert leases.before <= START + 100_000
    answered(leases, *every_half_second(back + GRACE - COUNTED, back + GRACE))
    assert leases.before == START + back * 1000


def test_rare_answers_count_little() -> None:
    """An idle worker that asks every half minute takes over after as many answers as there are seconds of grace."""
    leases = AbandonedLeases()
    answered(leases, *(30.0 * number for number in range(int(GRACE))))
    assert leases.before == 0
    answered(leases, 30.0 * GRACE)
    assert leases.before == START


def test_slow_answers_do_not_stop_it_for_ever() -> None:
    """A store that takes 5 seconds for each answer delays a takeover, and no more."""
    leases = AbandonedLeases()
    answered(leases, *(5.0 * number for number in range(100)))
    assert leases.before > START
