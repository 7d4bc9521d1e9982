"""Findings of health checks that operators have muted, by name. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.tables import muted_findings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from webhook_app.inbox.operations.audit_log import AuditEvent
    from webhook_app.inbox.store import Inbox

LONGEST_NAME = 400  # characters, as in the table


def muted(inbox: Inbox) -> dict[str, int | None]:
    """Return until when each muted finding is muted, None for until it is over. Raises StoreUnavailableError."""
    table = muted_findings.c
    query = select(table.name, table.until).where(table.until.is_(None) | (table.until > inbox.clock()))
    with inbox.database.read() as connection:
        return {row.name: row.until for row in connection.execute(query)}


def mute(inbox: Inbox, names: Collection[str], until: int | None, event: AuditEvent) -> None:
    """Mute findings, after recording it. Raises StoreUnavailableError."""
    audit_log.write(inbox, event)
    with inbox.database.write() as connection:
        adding = insert_into(connection, muted_findings)
        adding = adding.on_conflict_do_update(index_elements=[muted_findings.c.name], set_={"until": until})
        connection.execute(adding, [{"name": name[:LONGEST_NAME], "until": until} for name in names])


def unmute(inbox: Inbox, names: Collection[str], event: AuditEvent) -> None:
    """Show muted findings again, after recording it. Raises StoreUnavailableError."""
    audit_log.write(inbox, event)
    with inbox.database.write() as connection:
        connection.execute(delete(muted_findings).where(muted_findings.c.name.in_(names)))


def forget_over(inbox: Inbox, known: Mapping[str, int | None], found: Collection[str]) -> None:
    """Delete what is muted until it is over, and is no longer found. Raises StoreUnavailableError."""
    over = [name for name, until in known.items() if until is None and name not in found]
    if over:
        table = muted_findings.c
        with inbox.database.write() as connection:
            connection.execute(delete(muted_findings).where(table.name.in_(over), table.until.is_(None)))
