"""How long dead deliveries hold their content: until they are replayed or discarded, and no longer than KEEP_DEAD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, select, update

from webhook_app.inbox.tables import IS_DEAD, bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox

STEP = 200  # rows a transaction
HAS_CONTENT = deliveries.c.call.is_not(None) | exists().where(bodies.c.delivery_id == deliveries.c.id)


def wipe(inbox: Inbox, before: int) -> Iterator[int]:
    """Delete bodies, calls and responses of what died before then (milliseconds), in steps; yields how many."""
    old = _died_before(before)
    while True:
        with inbox.database.read() as connection:  # a transaction that writes nothing costs a flush too
            found = connection.scalars(select(deliveries.c.id).where(old).limit(STEP)).all()
        wiped = _wipe(inbox, old & deliveries.c.id.in_(found)) if found else 0
        if not wiped:  # nothing is left, or an operator has it now
            return
        yield wiped


def count(inbox: Inbox, before: int) -> int:
    """Count the deliveries that died before then and still have content."""
    with inbox.database.read() as connection:
        return connection.execute(select(func.count()).select_from(deliveries).where(_died_before(before))).scalar_one()


def _died_before(before: int) -> ColumnElement[bool]:
    return IS_DEAD & (deliveries.c.settled_at < before) & HAS_CONTENT


def _wipe(inbox: Inbox, old: ColumnElement[bool]) -> int:
    locked = select(deliveries.c.id).where(old).order_by(deliveries.c.id).with_for_update(skip_locked=True)
    with inbox.database.write() as connection:
        numbers = connection.scalars(locked).all()
        connection.execute(delete(bodies).where(bodies.c.delivery_id.in_(numbers)))
        wiped = update(deliveries).where(deliveries.c.id.in_(numbers)).values(call=None, answer=None)
        connection.execute(wiped)
        return len(numbers)
