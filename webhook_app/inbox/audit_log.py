"""Who did what on the dashboard: written before it is done, so that nothing is done without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from webhook_app.inbox.tables import attempts, audit

if TYPE_CHECKING:
    from webhook_app.inbox.store import Inbox

SHOWN = 200


class AuditAction(StrEnum):
    """What can be done."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    REVEAL = "reveal"
    REPLAY = "replay"
    DISCARD = "drop"  # as rows of earlier versions say it
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One action; `source` tells places apart without naming them, `session` one login from another."""

    action: AuditAction
    source: str
    session: str = ""
    delivery_id: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A deed as it was written down; `at` is in milliseconds since 1970 UTC."""

    id: int
    at: int
    action: str
    source: str
    session: str
    delivery_id: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One attempt that failed: when it ended (milliseconds since 1970 UTC), how, and how long it took."""

    claim: int
    ended_at: int
    failure: str
    took: int


def write(inbox: Inbox, deed: AuditEvent) -> None:
    """Write a deed down. Raises StoreUnavailableError."""
    values = {name: getattr(deed, name) for name in AuditEvent.__dataclass_fields__}
    with inbox.database.writing() as connection:
        connection.execute(insert(audit).values(at=inbox.clock(), **values))


def newest(inbox: Inbox, delivery_id: int | None = None) -> list[AuditRecord]:
    """Return the newest deeds, newest first; those that concern one delivery where that is given."""
    query = (
        select(*(audit.c[name] for name in AuditRecord.__dataclass_fields__)).order_by(audit.c.id.desc()).limit(SHOWN)
    )
    if delivery_id is not None:
        query = query.where(audit.c.delivery_id == delivery_id)
    with inbox.database.reading() as connection:
        return [AuditRecord(*row) for row in connection.execute(query)]


def failed_logins(inbox: Inbox, source: str, within: float) -> tuple[int, int]:
    """Count the failed logins of the last `within` seconds: from `source`, and from everywhere."""
    since = inbox.clock() - int(within * 1000)
    failed = (audit.c.action == AuditAction.LOGIN_FAILED) & (audit.c.at > since)
    query = select(func.count().filter(audit.c.source == source), func.count()).select_from(audit).where(failed)
    with inbox.database.reading() as connection:
        mine, every = connection.execute(query).one()
    return int(mine), int(every)


def failed_attempts(inbox: Inbox, delivery_id: int) -> list[FailedAttempt]:
    """Return the failed attempts of a delivery, oldest first."""
    columns = [attempts.c[name] for name in FailedAttempt.__dataclass_fields__]
    query = select(*columns).where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.claim)
    with inbox.database.reading() as connection:
        return [FailedAttempt(*row) for row in connection.execute(query)]
