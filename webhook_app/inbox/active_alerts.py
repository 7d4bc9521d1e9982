"""What somebody is told of, until it is over; and whose turn it is to look. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from webhook_app.inbox.engines.statements import INSERT
from webhook_app.inbox.tables import alerts, task_leases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Table

    from webhook_app.inbox.store import Inbox

EVALUATION = "alerts"


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """Something that a person should know, since a moment; `notified` says whether somebody took the message.

    `name` tells alerts apart; `sample` is the number of a delivery that shows it.
    """

    name: str
    kind: str
    shop: str
    topic: str
    sample: int | None
    text: str
    since: int
    notified: bool = False


def take_lease(inbox: Inbox, seconds: float) -> bool:
    """Take the turn to look for so many seconds, unless another process has it. Raises StoreUnavailableError."""
    now = inbox.clock()
    until = now + int(seconds * 1000)
    with inbox.database.writing() as connection:
        insert = _insert(connection, task_leases).values(name=EVALUATION, until=until)
        # A turn that lasts longer than any can is one of a clock that was put back.
        over = (task_leases.c.until <= now) | (task_leases.c.until > until)
        taking = insert.on_conflict_do_update(index_elements=[task_leases.c.name], set_={"until": until}, where=over)
        return connection.execute(taking.returning(task_leases.c.name)).first() is not None


def known(inbox: Inbox) -> dict[str, ActiveAlert]:
    """Return the alerts that are not over. Raises StoreUnavailableError."""
    query = select(*(alerts.c[name] for name in ActiveAlert.__dataclass_fields__)).order_by(alerts.c.name)
    with inbox.database.reading() as connection:
        return {row.name: ActiveAlert(*row) for row in connection.execute(query)}


def begin(inbox: Inbox, new: Iterable[ActiveAlert]) -> None:
    """Write new alerts down, before anybody is told. Raises StoreUnavailableError."""
    rows = [{name: getattr(alert, name) for name in ActiveAlert.__dataclass_fields__} for alert in new]
    if rows:
        with inbox.database.writing() as connection:
            connection.execute(_insert(connection, alerts).on_conflict_do_nothing(), rows)


def mark_notified(inbox: Inbox, alert: ActiveAlert) -> None:
    """Note that somebody took the message. Raises StoreUnavailableError."""
    with inbox.database.writing() as connection:
        connection.execute(update(alerts).where(alerts.c.name == alert.name).values(notified=True))


def end(inbox: Inbox, alert: ActiveAlert) -> None:
    """Forget an alert that is over. Raises StoreUnavailableError."""
    with inbox.database.writing() as connection:
        connection.execute(delete(alerts).where(alerts.c.name == alert.name))


def _insert(connection: Connection, table: Table) -> Any:
    return INSERT[connection.dialect.name](table)
