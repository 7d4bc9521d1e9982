"""When a worker was last seen: each writes it once a minute, whether or not there is anything to deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import task_leases

if TYPE_CHECKING:
    from webhook_app.inbox.store import Inbox

NAME = "worker"


def record(inbox: Inbox) -> None:
    """Record that a worker runs now. Raises StoreUnavailableError."""
    with inbox.database.write(durable=False) as connection:
        now = inbox.database.now(connection)
        seen = insert_into(connection, task_leases).values(name=NAME, until=now)
        connection.execute(seen.on_conflict_do_update(index_elements=[task_leases.c.name], set_={"until": now}))


def last_seen(inbox: Inbox) -> int | None:
    """Return when a worker was last seen, in milliseconds since 1970 UTC. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        return connection.execute(select(task_leases.c.until).where(task_leases.c.name == NAME)).scalar()
