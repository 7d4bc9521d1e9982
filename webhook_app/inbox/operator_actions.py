"""What a person does to many deliveries: each call is one small transaction, between which webhooks are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, literal, update

from webhook_app.inbox import statistics
from webhook_app.inbox.selection import HAS_BODY
from webhook_app.inbox.states import State, Verb, sources
from webhook_app.inbox.store import REPLAYED
from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox


def replay(inbox: Inbox, ids: Sequence[int]) -> set[int]:
    """Put those of `ids` back in line that are dead or ignored and have their body; returns which."""
    done = _change(inbox, [*_may(Verb.REPLAY, ids), HAS_BODY], **REPLAYED)
    inbox.wakeups.notify()
    return done


def discard(inbox: Inbox, ids: Sequence[int], reason: str) -> set[int]:
    """Give up those of `ids` for good that are dead, waiting or received; returns which.

    They keep the order they hold: Tweakwise may have counted it, and the row does not say so for certain, since a
    replay starts the count of attempts anew.
    """
    now = inbox.clock()
    settled = {"state": State.IGNORED, "reason": reason, "detail": _before(), "due_at": None, "lapses": 0}
    return _change(inbox, _may(Verb.DISCARD, ids), **settled, settled_at=now, held_since=now)


def _may(verb: Verb, ids: Sequence[int]) -> list[ColumnElement[bool]]:
    return [deliveries.c.id.in_(ids), deliveries.c.state.in_(sources(verb))]


def _before() -> ColumnElement[str]:
    """Say in a sentence what a delivery was, in case its reason is asked for later."""
    row = deliveries.c
    why = case((row.reason == "", ""), else_=literal(": ") + row.reason)
    return literal("A person gave it up; it was ") + row.state + why + "."


def _change(inbox: Inbox, conditions: Sequence[ColumnElement[bool]], **written: object) -> set[int]:
    changed = update(deliveries).where(*conditions).values(**written).returning(deliveries.c.id)
    with inbox.database.writing() as connection:
        ids = set(connection.execute(changed).scalars())
        statistics.invalidate(connection, ids)
        return ids
