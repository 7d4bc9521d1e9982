"""Actions of operators: replay, discard and resume. Each transaction is small: webhooks are stored meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, literal, update

from webhook_app.inbox import statistics, throttles
from webhook_app.inbox.queue import DUE_IMMEDIATELY
from webhook_app.inbox.retries import retry_now
from webhook_app.inbox.selection import HAS_BODY
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox
    from webhook_app.throttling.state import Scope

AS_NEW = {
    "state": State.RECEIVED.value,
    "reason": "",
    "detail": "",
    "due_at": DUE_IMMEDIATELY,
    "lapses": 0,
    "attempts": 0,
    "first_attempt_at": None,
    "settled_at": None,
    "held_since": None,
    "took": None,
}


def replay(inbox: Inbox, ids: Sequence[int]) -> set[int]:
    """Make those of `ids` due again that are dead or ignored and still have their body; returns which."""
    done = _change(inbox, [*_may(Verb.REPLAY, ids), HAS_BODY], **AS_NEW)
    inbox.wakeups.notify()
    return done


def discard(inbox: Inbox, ids: Sequence[int], reason: str) -> set[int]:
    """Ignore those of `ids` for good that are dead, waiting or received; returns which.

    They keep the business key they hold: Tweakwise may have counted the order, and the row cannot exclude it, since a
    replay resets the number of attempts.
    """
    now = inbox.clock()
    settled = {"state": State.IGNORED, "reason": reason, "detail": _before(), "due_at": None, "lapses": 0}
    return _change(inbox, _may(Verb.DISCARD, ids), **settled, settled_at=now, held_since=now)


def resume(inbox: Inbox, scopes: Collection[Scope], shops: Collection[str]) -> int:
    """Reset the throttles of `scopes`, and make the waiting deliveries of `shops` due now; returns how many."""
    throttles.reset(inbox.database, scopes)
    done = sum(retry_now(inbox, shop) for shop in shops)
    inbox.wakeups.notify()
    return done


def _may(verb: Verb, ids: Sequence[int]) -> list[ColumnElement[bool]]:
    return [deliveries.c.id.in_(ids), deliveries.c.state.in_(sources(verb))]


def _before() -> ColumnElement[str]:
    """Return a sentence with the state and reason that a delivery had before."""
    row = deliveries.c
    why = case((row.reason == "", ""), else_=literal(": ") + row.reason)
    return literal("Discarded manually; it was ") + row.state + why + "."


def _change(inbox: Inbox, conditions: Sequence[ColumnElement[bool]], **written: object) -> set[int]:
    changed = update(deliveries).where(*conditions).values(**written).returning(deliveries.c.id)
    with inbox.database.write() as connection:
        ids = set(connection.execute(changed).scalars())
        statistics.invalidate(connection, ids)
        return ids
