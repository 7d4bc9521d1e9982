"""What somebody is told of, until it is over; and whose turn it is to look. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from webhook_app.inbox.engines.statements import INSERT
from webhook_app.inbox.tables import alerts, turns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Table

    from webhook_app.inbox.store import Inbox

LOOKING = "alerts"


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know, since a moment; `told` says whether somebody took the message.

    `name` tells alerts apart; `sample` is the number of a delivery that shows it.
    """

    name: str
    kind: str
    shop: str
    topic: str
    sample: int | None
    text: str
    since: int
    told: bool = False


def take_turn(inbox: Inbox, seconds: float) -> bool:
    """Take the turn to look for so many seconds, unless another process has it. Raises StoreUnavailable."""
    now = inbox.clock()
    until = now + int(seconds * 1000)
    with inbox.database.writing() as connection:
        insert = _insert(connection, turns).values(name=LOOKING, until=until)
        # A turn that lasts longer than any can is one of a clock that was put back.
        over = (turns.c.until <= now) | (turns.c.until > until)
        taking = insert.on_conflict_do_update(index_elements=[turns.c.name], set_={"until": until}, where=over)
        return connection.execute(taking.returning(turns.c.name)).first() is not None


def known(inbox: Inbox) -> dict[str, Alert]:
    """Return the alerts that are not over. Raises StoreUnavailable."""
    query = select(*(alerts.c[name] for name in Alert.__dataclass_fields__)).order_by(alerts.c.name)
    with inbox.database.reading() as connection:
        return {row.name: Alert(*row) for row in connection.execute(query)}


def begin(inbox: Inbox, new: Iterable[Alert]) -> None:
    """Write new alerts down, before anybody is told. Raises StoreUnavailable."""
    rows = [{name: getattr(alert, name) for name in Alert.__dataclass_fields__} for alert in new]
    if rows:
        with inbox.database.writing() as connection:
            connection.execute(_insert(connection, alerts).on_conflict_do_nothing(), rows)


def mark_told(inbox: Inbox, alert: Alert) -> None:
    """Note that somebody took the message. Raises StoreUnavailable."""
    with inbox.database.writing() as connection:
        connection.execute(update(alerts).where(alerts.c.name == alert.name).values(told=True))


def end(inbox: Inbox, alert: Alert) -> None:
    """Forget an alert that is over. Raises StoreUnavailable."""
    with inbox.database.writing() as connection:
        connection.execute(delete(alerts).where(alerts.c.name == alert.name))


def _insert(connection: Connection, table: Table) -> Any:
    return INSERT[connection.dialect.name](table)
