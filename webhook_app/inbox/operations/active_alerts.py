"""The alerts that are active, and the lease of the process that evaluates them.

Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, tuple_, update

from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import alerts, task_leases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.store import Inbox

EVALUATION = "alerts"


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """A problem that began at `since`; `notified` is set once the notifier accepted the message.

    `name` identifies the alert; `sample` is the number of a delivery that shows the problem. `recipient` is whom it is
    for, and `cause` what alerts of several shops with the same cause have in common: None in rows of earlier versions.
    """

    name: str
    kind: str
    shop: str
    topic: str
    sample: int | None
    text: str
    since: int
    notified: bool = False
    recipient: str | None = None
    cause: str | None = None


def take_lease(inbox: Inbox, seconds: float, longest: float) -> int | None:
    """Reserve the evaluation for this process for so many seconds; None while another process has it.

    Returns the end of the lease, with which it can be extended, to at most `longest` seconds from then. Raises
    StoreUnavailableError.
    """
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        until = now + int(seconds * 1000)
        insert = insert_into(connection, task_leases).values(name=EVALUATION, until=until)
        # A lease that ends later than the longest was taken before the clock was put back.
        expired = (task_leases.c.until <= now) | (task_leases.c.until > now + int(longest * 1000))
        taking = insert.on_conflict_do_update(index_elements=[task_leases.c.name], set_={"until": until}, where=expired)
        return until if connection.execute(taking.returning(task_leases.c.name)).first() else None


def extend_lease(inbox: Inbox, until: int, seconds: float) -> int | None:
    """Let the lease that ends at `until` last so many seconds from now; None if another process has it.

    Raises StoreUnavailableError.
    """
    with inbox.database.write(durable=False) as connection:
        extended = inbox.database.now(connection) + int(seconds * 1000)
        mine = (task_leases.c.name == EVALUATION) & (task_leases.c.until == until)
        changed = connection.execute(update(task_leases).where(mine).values(until=extended)).rowcount
        return extended if changed else None


def known(inbox: Inbox) -> dict[str, ActiveAlert]:
    """Return the active alerts by name. Raises StoreUnavailableError."""
    query = select(*records.columns_of(ActiveAlert, alerts)).order_by(alerts.c.name)
    with inbox.database.read() as connection:
        return {alert.name: alert for alert in records.read(connection, ActiveAlert, query)}


def begin(inbox: Inbox, new: Iterable[ActiveAlert]) -> None:
    """Store new alerts, before any notification is sent. Raises StoreUnavailableError."""
    rows = [records.as_row(alert) for alert in new]
    if rows:
        with inbox.database.write() as connection:
            connection.execute(insert_into(connection, alerts).on_conflict_do_nothing(), rows)


def mark_notified(inbox: Inbox, of: Iterable[ActiveAlert]) -> None:
    """Record that the notification was delivered. Raises StoreUnavailableError."""
    with inbox.database.write() as connection:
        connection.execute(update(alerts).where(_any_of(of)).values(notified=True))


def end(inbox: Inbox, of: Iterable[ActiveAlert]) -> None:
    """Delete alerts that are over. Raises StoreUnavailableError."""
    with inbox.database.write() as connection:
        connection.execute(delete(alerts).where(_any_of(of)))


def _any_of(of: Iterable[ActiveAlert]) -> ColumnElement[bool]:
    """Not one of the same name that another process stored since, after this one was over."""
    return tuple_(alerts.c.name, alerts.c.since).in_([(alert.name, alert.since) for alert in of])
