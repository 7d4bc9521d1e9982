"""Settling again after an outage: the first attempt may have been stored, or the claim may be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from tests.support.deliveries import CALL, arrival, claim, claim_one, purchase, settle
from webhook_app.inbox import Settlement, State, retention
from webhook_app.inbox.late_settlements import settle_again
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.tables import business_keys, deliveries

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Delivery, Inbox

SENT: dict[str, Any] = {"attempted": True, "call": CALL}
OUTCOMES: list[tuple[State, dict[str, Any]]] = [
    (State.DELIVERED, SENT),
    (State.DEAD, {"reason": "http_422", "failure": "http_422", **SENT}),
    (State.WAITING, {"reason": "http_503", "failure": "http_503", "retry_in": 5, **SENT}),
    (State.IGNORED, {"reason": "test_order"}),
]


def claimed(inbox: Inbox) -> Delivery:
    inbox.store(arrival())
    return claim_one(inbox)


def state(inbox: Inbox) -> tuple[str, int]:
    row = stored_deliveries.get(inbox, 1)
    return row.state, row.claims


@pytest.mark.parametrize(("target", "values"), OUTCOMES)
def test_what_was_not_stored_is_stored(inbox: Inbox, target: State, values: dict[str, Any]) -> None:
    """The first attempt failed before it reached the database."""
    assert settle_again(inbox, [Settlement(claimed(inbox), target, **values)]) == [True]
    assert state(inbox) == (target, 1)


@pytest.mark.parametrize(("target", "values"), OUTCOMES)
def test_what_was_stored_counts_as_settled(inbox: Inbox, target: State, values: dict[str, Any]) -> None:
    """Only the answer of the commit was lost: nothing is written twice, and the lease was not lost."""
    delivery = claimed(inbox)
    settle(inbox, delivery, target, **values)
    before = stored_deliveries.get(inbox, 1)
    assert settle_again(inbox, [Settlement(delivery, target, **values)]) == [True]
    assert stored_deliveries.get(inbox, 1) == before


def test_a_stored_retry_may_be_claimed_since(inbox: Inbox, clock: Clock) -> None:
    """The retry was stored, only its answer was lost, and another worker has claimed it: that one's lease stays."""
    delivery = claimed(inbox)
    target, values = OUTCOMES[2]
    settle(inbox, delivery, target, **values)
    clock.move(5)
    claim_one(inbox)
    assert settle_again(inbox, [Settlement(delivery, target, **values)]) == [True]
    assert state(inbox) == (State.DELIVERING, 2)


def test_the_lease_of_another_worker_stays(inbox: Inbox, clock: Clock) -> None:
    """The number of the claim decides, also when an outcome comes late."""
    late = claimed(inbox)
    clock.move(61)
    claim_one(inbox)
    assert settle_again(inbox, [Settlement(late, State.DELIVERED, **SENT)]) == [False]
    assert state(inbox) == (State.DELIVERING, 2)


def test_a_redaction_meanwhile_stays(inbox: Inbox) -> None:
    """A delivery that was redacted during the outage is not stored as delivered."""
    delivery = claimed(inbox)
    retention.redact(inbox, [1], "redacted", "")
    assert settle_again(inbox, [Settlement(delivery, State.DELIVERED, **SENT)]) == [False]
    assert state(inbox) == (State.IGNORED, 1)


@pytest.mark.parametrize("forgotten", [State.RECEIVED, State.WAITING, State.DELIVERING])
@pytest.mark.parametrize(("target", "values"), OUTCOMES)
def test_a_claim_that_the_server_lost_is_made_again(
    inbox: Inbox, forgotten: State, target: State, values: dict[str, Any]
) -> None:
    """A server that crashed may not know of the claim and of the business key; the outcome is stored all the same."""
    delivery = claimed(inbox)
    with inbox.database.write() as connection:
        connection.execute(update(deliveries).values(state=forgotten, claims=0, due_at=0))
        connection.execute(delete(business_keys))
    assert settle_again(inbox, [Settlement(delivery, target, **values)]) == [True]
    assert state(inbox) == (target, 1)
    if target in (State.DELIVERED, State.WAITING):
        inbox.store(arrival("paid"))
        [other] = claim(inbox)
        assert inbox.reserve([(other, CALL)]) == {other.id: delivery.id}


def test_another_delivery_under_the_same_number_stays(inbox: Inbox, clock: Clock) -> None:
    """A backup that was restored gives the number of a lost delivery to a new one, which is not sent yet."""
    delivery = claimed(inbox)
    with inbox.database.write() as connection:
        values = {"state": State.RECEIVED, "claims": 0, "due_at": 0, "received_at": clock.now + 1}
        connection.execute(update(deliveries).values(**values))
    assert settle_again(inbox, [Settlement(delivery, State.DELIVERED, **SENT)]) == [False]
    assert state(inbox) == (State.RECEIVED, 0)


def test_each_has_its_own_result(inbox: Inbox, clock: Clock) -> None:
    """Of a group, some were stored, some were not, some are lost, some are gone."""
    for name in "abcd":
        inbox.store(arrival(name))
    first, second, third, fourth = (
        Settlement(one, State.DELIVERED, attempted=True, call=purchase(f"purchase:{one.id}")) for one in claim(inbox, 4)
    )
    inbox.settle([first])
    clock.move(61)
    inbox.claim({"acme": 1})
    with inbox.database.write() as connection:
        connection.execute(delete(deliveries).where(deliveries.c.id == fourth.delivery.id))
    assert settle_again(inbox, [first, second, third, fourth]) == [True, False, True, False]
