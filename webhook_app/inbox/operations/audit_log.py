"""The audit log: what operators did, written before it is done so that no action goes unrecorded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text

from webhook_app.inbox import records
from webhook_app.inbox.tables import attempts, audit, deliveries
from webhook_app.time_units import MINUTE

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from webhook_app.inbox.store import Inbox

SHOWN = 200
SAME_WITHIN = 10 * MINUTE  # milliseconds
COMMAND_LINE = "command line"  # the source of what a command did
CONFIGURATION = "configuration"  # the source of what a changed file caused
PLATFORM = "platform"  # the source of what a webhook asked for


class AuditAction(StrEnum):
    """The actions that are recorded."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    REVEAL = "reveal"
    REPLAY = "replay"
    DISCARD = "drop"  # the name that rows of earlier versions have
    SAMPLE = "sample"
    RESUME = "resume"
    MUTE = "mute"
    UNMUTE = "unmute"
    ERASED = "erased"
    REPORTED = "reported"
    JOB_STARTED = "job_started"
    JOB_CANCELLED = "job_cancelled"
    JOB_COMPLETED = "job_completed"
    SHOPS_CHANGED = "shops_changed"
    APP = "app"
    REGISTRATION_BEGUN = "registration_begun"
    REGISTERED = "registered"
    REGISTERED_AGAIN = "registered_again"
    REGISTRATION_REFUSED = "registration_refused"
    APP_REMOVED = "app_removed"
    SHARED = "shared"
    SHARE_ENDED = "share_ended"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One action; `source` is a keyed hash of the client's address or COMMAND_LINE, `session` identifies a login.

    `user_name` is "" for the shared password and for commands.
    """

    action: AuditAction
    source: str
    session: str = ""
    delivery_id: int | None = None
    detail: str = ""
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A stored audit event; `at` is in milliseconds since 1970 UTC."""

    id: int
    at: int
    action: str
    source: str
    session: str
    delivery_id: int | None
    detail: str
    user_name: str | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A failed attempt: when it ended (milliseconds since 1970 UTC), its failure class, and its duration in ms."""

    claim: int
    ended_at: int
    failure: str
    took: int


def write(inbox: Inbox, event: AuditEvent) -> None:
    """Store an audit event. Raises StoreUnavailableError."""
    with inbox.database.write() as connection:
        add(connection, event, inbox.clock())


def add(connection: Connection, event: AuditEvent, now: int) -> None:
    """Store an audit event in the open transaction that does what it records."""
    connection.execute(insert(audit).values(at=now, **records.as_row(event)))


def write_once(inbox: Inbox, event: AuditEvent) -> bool:
    """Store an event unless the latest of its action is the same and young: several processes notice one change.

    Returns whether it was stored. Raises StoreUnavailableError.
    """
    now = inbox.clock()
    latest = select(audit.c.at, audit.c.detail).where(audit.c.action == event.action).order_by(audit.c.id.desc())
    with inbox.database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
        found = connection.execute(latest.limit(1)).first()
        if found and found.detail == event.detail and found.at > now - SAME_WITHIN:
            return False
        add(connection, event, now)
    return True


def newest(
    inbox: Inbox, delivery_id: int | None = None, shops: Collection[str] | None = None, user_name: str = ""
) -> list[AuditRecord]:
    """Return the newest audit events, newest first.

    Only those of one delivery where it is given, and where `shops` are, those of their deliveries and of `user_name`.
    """
    query = select(*records.columns_of(AuditRecord, audit)).order_by(audit.c.id.desc()).limit(SHOWN)
    if delivery_id is not None:
        query = query.where(audit.c.delivery_id == delivery_id)
    if shops is not None:
        theirs = select(deliveries.c.id).where(deliveries.c.shop.in_(shops))
        own = (audit.c.user_name == user_name) & (audit.c.user_name != "")  # "" is for all that is done without a name
        query = query.where(audit.c.delivery_id.in_(theirs) | own)
    with inbox.database.read() as connection:
        return records.read(connection, AuditRecord, query)


def failed_attempts(inbox: Inbox, delivery_id: int) -> list[FailedAttempt]:
    """Return the failed attempts of a delivery, oldest first."""
    query = select(*records.columns_of(FailedAttempt, attempts))
    query = query.where(attempts.c.delivery_id == delivery_id).order_by(attempts.c.claim)
    with inbox.database.read() as connection:
        return records.read(connection, FailedAttempt, query)
