"""Operator actions on stored deliveries, on either engine: select, count, replay, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import CALL, arrival, claim, claim_one, settle
from webhook_app.delivery.causes import REASON_PREFIXES, Cause
from webhook_app.inbox import Inbox, Selection, State, Verb, retention
from webhook_app.inbox.operations import bulk_changes, operator_actions
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter

if TYPE_CHECKING:
    from tests.conftest import Clock

BEGAN = 1_795_000_000_000


@pytest.fixture
def several(inbox: Inbox, clock: Clock) -> Inbox:
    """Deliveries 1 to 5: dead for three reasons, ignored, and one of another shop that is received."""
    for number in range(4):
        inbox.store(arrival(str(number)))
        clock.move(60)
    reasons = ["translation_error", "gave_up_http_503", "http_422"]
    *dead, ignored = claim(inbox, 4)
    for delivery, reason in zip(dead, reasons, strict=True):
        settle(inbox, delivery, State.DEAD, reason=reason)
    settle(inbox, ignored, State.IGNORED, reason="no_profile", wipes=True)
    inbox.store(arrival("other", shop="b", topic="orders/paid"))
    return inbox


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"ids": (5, 2, 99)}, [2, 5]),
        ({"shop": "b"}, [5]),
        ({"topic": "orders/paid"}, [5]),
        ({"states": ("dead",)}, [1, 2, 3]),
        ({"states": ("received", "ignored")}, [4, 5]),
        ({"reason": "no_profile"}, [4]),
        ({"since": BEGAN + 60_000, "until": BEGAN + 180_000}, [2, 3]),
        ({"shop": "acme", "states": ("received",)}, []),
        *(({"reason_prefixes": REASON_PREFIXES[fault]}, [1 + number]) for number, fault in enumerate(Cause)),
    ],
)
def test_selection_filters(several: Inbox, wanted: dict[str, Any], ids: list[int]) -> None:
    """Each field of a selection narrows it."""
    [*found] = stored_deliveries.pages(several, Selection(**wanted), step=2)
    assert [row.id for page in found for row in page] == ids
    assert stored_deliveries.size(several, Selection(**wanted)) == len(ids)


def test_reason_prefix_is_no_pattern(inbox: Inbox) -> None:
    """The underscore in a reason stands for itself."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DEAD, reason="gaveXupX")
    assert stored_deliveries.size(inbox, Selection(reason_prefixes=("gave_up_",))) == 0


def test_pages_are_small(several: Inbox) -> None:
    """However large a selection is, it is read in steps."""
    assert [len(page) for page in stored_deliveries.pages(several, Selection(), step=2)] == [2, 2, 1]


def test_counts_for_a_verb(several: Inbox) -> None:
    """Of a selection: how many are in a state that the verb starts from, and how many of these have their body."""
    counts = bulk_changes.count(several, DeliveryFilter(), Verb.REPLAY)
    assert counts == bulk_changes.SelectionCounts(5, allowed=4, with_body=3, last=5)
    assert bulk_changes.count(several, DeliveryFilter(Selection(shop="c")), Verb.REPLAY) == bulk_changes.NOTHING


def test_many_are_replayed_in_one_step(several: Inbox) -> None:
    """Of the given numbers, the dead and ignored ones with a body are due immediately, as if they were new."""
    assert operator_actions.replay(several, [1, 2, 3, 4, 5, 99]) == {1, 2, 3}
    assert [(one.id, one.attempts) for one in claim(several, 5) if one.shop == "acme"] == [(1, 0), (2, 0), (3, 0)]


def test_discarded_records_its_previous_state(several: Inbox) -> None:
    """A discarded delivery is ignored, and its detail has the previous state and reason."""
    assert operator_actions.discard(several, [2, 5], "dropped") == {2, 5}
    rows = [stored_deliveries.get(several, number) for number in (2, 5)]
    assert {(row.state, row.reason) for row in rows} == {("ignored", "dropped")}
    assert [row.detail for row in rows] == [
        "Discarded manually; it was dead: gave_up_http_503.",
        "Discarded manually; it was received.",
    ]


def test_discarded_is_never_claimed(inbox: Inbox, clock: Clock) -> None:
    """A delivery discarded while it waits is not sent when its retry is due."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.WAITING, retry_in=10)
    operator_actions.discard(inbox, [1], "dropped")
    clock.move(11)
    assert inbox.queues() == []
    assert claim(inbox) == []


def test_delivering_is_not_discarded(inbox: Inbox) -> None:
    """A worker may be sending it at this moment."""
    inbox.store(arrival())
    claim_one(inbox)
    assert operator_actions.discard(inbox, [1], "dropped") == set()


def test_discarded_body_is_wiped_in_time(inbox: Inbox, clock: Clock) -> None:
    """Retention treats a discarded delivery like a settled one, from then on."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DEAD)
    clock.move(100 * 86400)
    operator_actions.discard(inbox, [1], "dropped")
    limits = retention.Retention(7 * 86400, 90 * 86400)
    assert retention.sweep(inbox, limits) == (0, 0)
    clock.move(8 * 86400)
    assert retention.sweep(inbox, limits) == (1, 0)
    clock.move(90 * 86400)
    assert retention.sweep(inbox, limits) == (0, 1)


@pytest.mark.parametrize(("keeps_key", "owner"), [(True, 1), (False, 2)])
def test_discarded_keeps_its_business_key(inbox: Inbox, keeps_key: bool, owner: int) -> None:
    """The order of a parked delivery may have been counted; that of any other dead one was free before."""
    for name in "ab":
        inbox.store(arrival(name))
    first, second = claim(inbox, 2)
    inbox.reserve([(first, CALL)])
    settle(inbox, first, State.DEAD, call=CALL, keeps_key=keeps_key)
    operator_actions.discard(inbox, [1], "dropped")
    assert inbox.reserve([(second, CALL)]) == {second.id: owner}
