"""Checks of the database, its clock, and the disks of the inbox and the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.formatting import counted, duration
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.measurements import DiskStatus, Measurements

MIGRATE = "Run: python -m webhook_app migrate"
NOTHING_STORED = "Every webhook is answered with 503 until then; platforms send it again."
FREE_SPACE = "Free some space, or store less: KEEP_BODIES, KEEP_ROWS."
SYNCHRONISE = "Synchronise the clock of this machine over the network: timedatectl set-ntp true"
DYNO = "The {what} is on the disk of a dyno, which is emptied at every restart: events would be lost."
DYNO_ADVICE = {
    "inbox": "Add a database: heroku addons:create heroku-postgresql:essential-0",
    "spool": "Remove SPOOL, or put it on a persistent disk.",
}


def database(measured: Measurements) -> Iterator[Finding]:
    """Check that the database answers, has every table, column and index, and allows enough connections."""
    found = measured.database
    if not found.exists:
        advice = f"{MIGRATE}. If the file was moved, move it back or restore a backup. {NOTHING_STORED}"
        yield Finding("database", Severity.ERROR, "The database is not migrated.", advice)
    elif found.failure:
        advice = f"Check DATABASE_URL, and that the database server is running. {NOTHING_STORED}"
        yield Finding("database", Severity.ERROR, f"The database does not answer: {found.failure}.", advice)
    elif found.fault:
        yield Finding("database", Severity.ERROR, found.fault, MIGRATE)
    else:
        text = f"The database ({found.engine}) answers and is migrated ({found.revision})."
        yield Finding("database", Severity.OK, text)
    for number, warning in enumerate(found.warnings):
        yield Finding("database", Severity.WARNING, warning, "See docs/configuration.md.", detail=f"{number}")


def disk(measured: Measurements) -> Iterator[Finding]:
    """Check the disks of the inbox and of the spool."""
    for one in measured.disks:
        if one.is_ephemeral:
            text = DYNO.format(what=one.what)
            yield Finding("disk", Severity.ERROR, text, DYNO_ADVICE[one.what], detail=f"{one.what} of a dyno")
        yield _space(one)


def _space(one: DiskStatus) -> Finding:
    """Judge the free space of a disk."""
    alerts = one.what == "inbox"  # the disk of a spool is another one on each machine
    if one.is_full:
        text = f"The disk of the {one.what} is full ({one.folder}): no webhook can be stored."
        advice = f"{FREE_SPACE} Until then webhooks are answered with 503; platforms send them again."
        return Finding("disk", Severity.ERROR, text, advice, detail=one.what, alerts=alerts)
    if one.failure:
        text = f"The folder of the {one.what} ({one.folder}) is not writable: {one.failure}."
        advice = "Give the user of this process write permission there."
        return Finding("disk", Severity.ERROR, text, advice, detail=one.what, alerts=alerts)
    if one.free >= thresholds.DISK_WARNING:
        text = f"The folder of the {one.what} is writable; {one.free / 1000:.1f} GB are free."
        return Finding("disk", Severity.OK, text, detail=one.what)
    severity = Severity.ERROR if one.free < thresholds.DISK_ERROR else Severity.WARNING
    text = f"Only {one.free} MB are free on the disk of the {one.what}; once it is full, no webhook is stored."
    return Finding("disk", severity, text, FREE_SPACE, detail=one.what, alerts=alerts)


def spool(measured: Measurements) -> Iterator[Finding]:
    """Report accepted events that wait for the database."""
    if measured.spooled:
        waiting = counted(measured.spooled, "accepted event waits", "accepted events wait")
        advice = "A running web process moves them into the database once it answers again."
        yield Finding("spool", Severity.WARNING, f"{waiting} in the spool for the database.", advice)


def clock(measured: Measurements) -> Iterator[Finding]:
    """Compare this machine's clock with that of the database server."""
    size = abs(measured.database.clock_skew)
    if size > thresholds.CLOCK_WARNING:
        direction = "ahead of" if measured.database.clock_skew > 0 else "behind"
        text = f"The clock of this machine is {duration(size)} {direction} that of the database server."
        severity = Severity.ERROR if size > thresholds.CLOCK_ERROR else Severity.WARNING
        yield Finding("clock", severity, text, SYNCHRONISE, detail="database")


CHECKS = (
    Check("database", database, needs_database=False),
    Check("disk", disk, needs_database=False),
    Check("spool", spool, needs_database=False),
    Check("clock", clock, needs_database=False),
)
