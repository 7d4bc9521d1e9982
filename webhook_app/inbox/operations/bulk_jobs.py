"""Jobs that replay or discard many deliveries, one step at a time, until they are completed or cancelled.

A process claims a job for a few seconds at a time. What a step changes and how far the job came are one transaction,
which changes nothing if the job was cancelled or another process has taken it over: one that is killed loses nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from webhook_app.inbox import records
from webhook_app.inbox.operations import audit_log, operator_actions
from webhook_app.inbox.operations.audit_log import AuditAction, AuditEvent
from webhook_app.inbox.reports.delivery_pages import DeliveryFilter
from webhook_app.inbox.selection import Selection
from webhook_app.inbox.states import Verb
from webhook_app.inbox.tables import bulk_jobs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from webhook_app.inbox.operations.bulk_changes import Step
    from webhook_app.inbox.store import Inbox

LEASE = 15_000  # milliseconds
SHOWN = 50


class Outcome(StrEnum):
    """How a job ended; "" while it is under way."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A change of the deliveries of a filter up to number `last`, `total` of which it applies to.

    `shops` are those whose deliveries it may change, None for all; `about` describes the filter; `rate` is in
    deliveries a second. `source`, `session` and `user_name` are those of the audit event.
    """

    verb: Verb
    wanted: DeliveryFilter
    shops: tuple[str, ...] | None
    about: str
    rate: int | None
    last: int
    total: int
    source: str
    session: str
    user_name: str


@dataclass(frozen=True, slots=True)
class BulkJob:
    """A job and how far it has come; times are milliseconds since 1970 UTC, `filter` and `shops` JSON text."""

    id: int
    verb: str
    filter: str
    shops: str | None
    about: str
    rate: int | None
    last: int
    position: int
    total: int
    done: int
    source: str
    session: str
    user_name: str
    started_at: int
    ended_at: int | None
    outcome: str
    claims: int

    @property
    def wanted(self) -> DeliveryFilter:
        """The filter of a job that is under way."""
        return filter_from_json(self.filter)

    def concerns_only(self, shops: frozenset[str] | None) -> bool:
        """Return whether it changes deliveries of these shops alone (None: of any)."""
        return shops is None or (self.shops is not None and shops.issuperset(json.loads(self.shops)))


def filter_as_json(wanted: DeliveryFilter) -> str:
    """Return a filter as JSON text."""
    return json.dumps(asdict(wanted))


def filter_from_json(text: str) -> DeliveryFilter:
    """Return the filter of a JSON text."""
    read = json.loads(text)
    return DeliveryFilter(**{**_with_tuples(read), "selection": Selection(**_with_tuples(read["selection"]))})


def _with_tuples(read: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in read.items()}


def start(inbox: Inbox, job: NewJob) -> int:
    """Store a job and its audit event; returns its number. A worker begins it within seconds."""
    shops = None if job.shops is None else json.dumps(job.shops)
    values = records.as_row(job) | {"filter": filter_as_json(job.wanted), "shops": shops, "verb": job.verb.value}
    del values["wanted"]
    begin = {"position": 0, "done": 0, "outcome": "", "claims": 0, "leased_until": 0}
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        row = insert(bulk_jobs).values(**values, **begin, started_at=now)
        number: int = connection.execute(row.returning(bulk_jobs.c.id)).scalar_one()
        [added] = records.read(connection, BulkJob, _jobs().where(bulk_jobs.c.id == number))
        audit_log.add(connection, event_of(added, AuditAction.JOB_STARTED), now)
    return number


def get(inbox: Inbox, number: int) -> BulkJob | None:
    """Return a job, None where there is none of that number."""
    with inbox.database.read() as connection:
        found = records.read(connection, BulkJob, _jobs().where(bulk_jobs.c.id == number))
    return found[0] if found else None


def newest(inbox: Inbox) -> list[BulkJob]:
    """Return the newest jobs, newest first."""
    with inbox.database.read() as connection:
        return records.read(connection, BulkJob, _jobs().order_by(bulk_jobs.c.id.desc()).limit(SHOWN))


def any_left(inbox: Inbox) -> bool:
    """Return whether a job is under way."""
    with inbox.database.read() as connection:
        return connection.scalar(select(bulk_jobs.c.id).where(bulk_jobs.c.ended_at.is_(None)).limit(1)) is not None


def claim(inbox: Inbox) -> BulkJob | None:
    """Take the job that no process works on and that waits longest; None if there is none."""
    row = bulk_jobs.c
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        free = (row.leased_until <= now) | (row.leased_until > now + LEASE)  # a clock was ahead
        chosen = select(row.id).where(free, row.ended_at.is_(None)).order_by(row.leased_until, row.id).limit(1)
        found = connection.scalar(chosen.with_for_update(skip_locked=True))
        if found is None:
            return None
        taken = {"claims": row.claims + 1, "leased_until": now + LEASE}
        connection.execute(update(bulk_jobs).where(row.id == found).values(**taken))
        return records.read(connection, BulkJob, _jobs().where(row.id == found))[0]


def advance(inbox: Inbox, job: BulkJob, step: Step) -> BulkJob | None:
    """Change the deliveries of a step; None, and nothing done, if it was cancelled or another process has it."""
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        if not _write(connection, job, leased_until=now + LEASE):
            return None
        changed = operator_actions.change(connection, Verb(job.verb), step.ids, job.wanted, inbox.clock())
        done = job.done + len(changed)
        _write(connection, job, position=step.reached, done=done)
    if changed and job.verb == Verb.REPLAY:
        inbox.wakeups.notify()
    return replace(job, position=step.reached, done=done)


def release(inbox: Inbox, job: BulkJob, milliseconds: int) -> None:
    """Let another process, or this one, continue the job after so many milliseconds."""
    with inbox.database.write() as connection:
        _write(connection, job, leased_until=inbox.database.now(connection) + milliseconds)


def complete(inbox: Inbox, job: BulkJob) -> bool:
    """End a job whose deliveries were all searched, with an audit event; False if this process has it no more."""
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        if not _write(connection, job, ended_at=now, outcome=Outcome.COMPLETED.value, filter=""):
            return False
        audit_log.add(connection, event_of(job, AuditAction.JOB_COMPLETED), now)
        return True


def cancel(inbox: Inbox, number: int, event: AuditEvent) -> bool:
    """End a job between two of its steps, with an audit event; False if it is over. What it changed stays changed."""
    with inbox.database.write() as connection:
        now = inbox.database.now(connection)
        running = (bulk_jobs.c.id == number) & bulk_jobs.c.ended_at.is_(None)
        ended = {"ended_at": now, "outcome": Outcome.CANCELLED.value, "filter": ""}
        if not connection.execute(update(bulk_jobs).where(running).values(**ended)).rowcount:
            return False
        audit_log.add(connection, event, now)
        return True


def forget(inbox: Inbox, before: int) -> None:
    """Delete the jobs that ended before a time."""
    old = bulk_jobs.c.ended_at < before
    with inbox.database.read() as connection:
        if connection.scalar(select(bulk_jobs.c.id).where(old).limit(1)) is None:
            return
    with inbox.database.write() as connection:
        connection.execute(delete(bulk_jobs).where(old))


def event_of(job: BulkJob, action: AuditAction) -> AuditEvent:
    """Return the audit event of a job, in the name of the user who started it."""
    counts = f"{job.total} deliveries" if action is AuditAction.JOB_STARTED else f"{job.done} of {job.total}"
    detail = f"Job {job.id}, {job.verb}: {counts}; {job.about}."
    return AuditEvent(action, job.source, job.session, detail=detail, user_name=job.user_name)


def _write(connection: Connection, job: BulkJob, **values: Any) -> bool:
    row = bulk_jobs.c
    ours = (row.id == job.id) & (row.claims == job.claims) & row.ended_at.is_(None)
    return connection.execute(update(bulk_jobs).where(ours).values(**values)).rowcount == 1


def _jobs() -> Select[Any]:
    return select(*records.columns_of(BulkJob, bulk_jobs))
