"""Actions of operators: replay, discard and resume. Each transaction is small: webhooks are stored meanwhile.

Whether a delivery may be changed is decided under its lock, by what it is then: since someone selected it, a worker,
retention, a privacy request or another operator may have changed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, literal, select, update

from schemas.events import Reason
from webhook_app.inbox import throttles
from webhook_app.inbox.counting import statistics
from webhook_app.inbox.queue import DUE_AFTER_NEW
from webhook_app.inbox.retries import retry_now
from webhook_app.inbox.selection import ALL_DELIVERIES, HAS_BODY
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

    from webhook_app.inbox.selection import DeliveryConditions
    from webhook_app.inbox.store import Inbox
    from webhook_app.throttling.state import Scope

AS_NEW = {
    "state": State.RECEIVED.value,
    "reason": "",
    "detail": "",
    "due_at": DUE_AFTER_NEW,
    "lapses": 0,
    "attempts": 0,
    "first_attempt_at": None,
    "settled_at": None,
    "held_since": None,
    "retention_from": None,
    "took": None,
}


def replay(inbox: Inbox, ids: Sequence[int], selection: DeliveryConditions = ALL_DELIVERIES) -> set[int]:
    """Make those of `ids` due again that are dead or ignored and still have their body; returns which.

    They are left as they are where they do not fit `selection` any more.
    """
    with inbox.database.write() as connection:
        done = change(connection, Verb.REPLAY, ids, selection, inbox.clock())
    inbox.wakeups.notify()
    return done


def discard(
    inbox: Inbox, ids: Sequence[int], reason: str = Reason.DROPPED, selection: DeliveryConditions = ALL_DELIVERIES
) -> set[int]:
    """Ignore those of `ids` for good that are dead, waiting or received, and fit `selection`; returns which.

    They keep the business key they hold: Tweakwise may have counted the order, and the row cannot exclude it, since a
    replay resets the number of attempts.
    """
    with inbox.database.write() as connection:
        return change(connection, Verb.DISCARD, ids, selection, inbox.clock(), reason)


def change(  # noqa: PLR0913, PLR0917 - what is changed, how, and when
    connection: Connection,
    verb: Verb,
    ids: Sequence[int],
    selection: DeliveryConditions,
    now: int,
    reason: str = Reason.DROPPED,
) -> set[int]:
    """Replay or discard those of `ids` that may be, in an open transaction; returns which.

    Replayed ones are claimed at once where workers are notified after the commit.
    """
    if verb is Verb.REPLAY:
        return _change(connection, _may(verb, ids, selection), [HAS_BODY], **AS_NEW, replayed_at=now)
    settled = {"state": State.IGNORED, "reason": reason, "detail": _before(), "due_at": None, "lapses": 0}
    dates = {"settled_at": now, "held_since": now, "retention_from": None}
    return _change(connection, _may(verb, ids, selection), [], **settled, **dates)


def resume(inbox: Inbox, scopes: Collection[Scope], shops: Collection[str]) -> int:
    """Reset the throttles of `scopes`, and make the waiting deliveries of `shops` due now; returns how many."""
    throttles.reset(inbox.database, scopes)
    done = sum(retry_now(inbox, shop) for shop in shops)
    inbox.wakeups.notify()
    return done


def _may(verb: Verb, ids: Sequence[int], selection: DeliveryConditions) -> list[ColumnElement[bool]]:
    return [deliveries.c.id.in_(ids), deliveries.c.state.in_(sources(verb)), *selection.conditions()]


def _before() -> ColumnElement[str]:
    """Return a sentence with the state and reason that a delivery had before."""
    row = deliveries.c
    why = case((row.reason == "", ""), else_=literal(": ") + row.reason)
    return literal("Discarded manually; it was ") + row.state + why + "."


def _change(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    further: Sequence[ColumnElement[bool]],
    **written: object,
) -> set[int]:
    """Change the rows that meet `conditions`; `further` are about other tables.

    PostgreSQL looks at other tables as they were before it waited for a lock, so a second statement looks at these.
    """
    lockable = select(deliveries.c.id).where(*conditions).order_by(deliveries.c.id).with_for_update()
    locked = connection.execute(lockable).scalars().all()
    changed = update(deliveries).where(deliveries.c.id.in_(locked), *further).values(**written)
    ids = set(connection.execute(changed.returning(deliveries.c.id)).scalars())
    statistics.invalidate(connection, ids)
    return ids
