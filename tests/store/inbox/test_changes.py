"""Following deliveries: what is new and what changed, on either engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.deliveries import arrival, claim, claim_one, settle
from webhook_app.inbox import Inbox, Selection, State
from webhook_app.inbox.reports.changes import GAP, Follower

if TYPE_CHECKING:
    from tests.conftest import Clock


def seen(follower: Follower) -> list[tuple[int, str]]:
    return [(row.id, row.state) for row in follower.poll()]


def stored(inbox: Inbox, *identities: str, **changed: Any) -> list[int]:
    return [inbox.store(arrival(identity, **changed)).id for identity in identities]


def test_it_starts_now(inbox: Inbox) -> None:
    """Earlier deliveries are not reported, unless they change."""
    [old] = stored(inbox, "old")
    follower = Follower(inbox, Selection())
    [new] = stored(inbox, "new")
    assert seen(follower) == [(new, State.RECEIVED)]
    settle(inbox, claim_one(inbox), State.DELIVERED)
    assert seen(follower) == [(old, State.DELIVERED)]
    assert seen(follower) == []


def test_it_starts_at_a_time(inbox: Inbox, clock: Clock) -> None:
    """With `since`, deliveries from then on come first."""
    stored(inbox, "early")
    clock.move(60)
    [late] = stored(inbox, "late")
    assert seen(Follower(inbox, Selection(since=clock.now))) == [(late, State.RECEIVED)]


def test_each_change_is_reported_once(inbox: Inbox) -> None:
    """Received, waiting and delivered are changes; being claimed is none."""
    follower = Follower(inbox, Selection())
    [number] = stored(inbox, "a")
    assert seen(follower) == [(number, State.RECEIVED)]
    delivery = claim_one(inbox)
    assert seen(follower) == []
    settle(inbox, delivery, State.WAITING, reason="http_503", attempted=True)
    assert seen(follower) == [(number, State.WAITING)]
    settle(inbox, claim_one(inbox), State.DELIVERED, attempted=True)
    assert seen(follower) == [(number, State.DELIVERED)]


def test_filters_apply_to_the_present_state(inbox: Inbox) -> None:
    """A delivery is reported once it fits the selection, whatever it was before."""
    follower = Follower(inbox, Selection(shop="acme", states=(State.DEAD,), reason="http_422"))
    stored(inbox, "a", "b")
    stored(inbox, "c", shop="other")
    assert seen(follower) == []
    for delivery in claim(inbox, 2):
        settle(inbox, delivery, State.DEAD, reason="http_422" if delivery.id == 1 else "unreadable")
    assert seen(follower) == [(1, State.DEAD)]


def test_old_unfinished_deliveries_are_followed(inbox: Inbox) -> None:
    """A delivery that is much older than the newest is reported when it is settled."""
    follower = Follower(inbox, Selection())
    stored(inbox, "first")
    first = claim_one(inbox)
    inbox.store_all([arrival(str(number)) for number in range(2 * GAP)])
    assert len(seen(follower)) == 2 * GAP
    settle(inbox, first, State.DELIVERED)
    assert seen(follower) == [(first.id, State.DELIVERED)]
    stored(inbox, "last")
    assert len(seen(follower)) == 1
