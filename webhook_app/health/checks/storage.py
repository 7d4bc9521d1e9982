"""Checks of the database, its clock, and the disks of the inbox and the spool."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from webhook_app.formatting import counted, duration
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.health.measurements import DiskStatus, Measurements

MIGRATE = "Run: python -m webhook_app migrate"
FREE_SPACE = "Free some space, or store less: KEEP_BODIES, KEEP_ROWS."
READ_ONLY = "It may be a standby, or a hosted server whose disk is almost full: such servers allow no writes."
MOUNT = "Its disk is mounted read-only: mount it so that it can be written."
PERMIT = "Give the user of this process write permission there."
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
        advice = f"{MIGRATE}. If the file was moved, move it back or restore a backup. {_meanwhile(measured)}"
        yield Finding("database", Severity.ERROR, "The database is not migrated.", advice)
    elif found.failure:
        advice = f"{_what_to_check(measured)} {_meanwhile(measured)}"
        yield Finding("database", Severity.ERROR, f"The database does not answer: {found.failure}.", advice)
    elif found.fault:
        yield Finding("database", Severity.ERROR, found.fault, MIGRATE)
    elif found.write_fault == "not_writable":
        advice = f"{READ_ONLY} {_meanwhile(measured)}"
        yield Finding("database", Severity.ERROR, "The database server is read-only: nothing is stored.", advice)
    else:
        text = f"The database ({found.engine}) answers and is migrated ({found.revision})."
        yield Finding("database", Severity.OK, text)
    for number, warning in enumerate(found.warnings):
        yield Finding("database", Severity.WARNING, warning, "See docs/configuration.md.", detail=f"{number}")


def _what_to_check(measured: Measurements) -> str:
    if measured.database.engine == "postgresql":
        return "Check DATABASE_URL, and that the database server is running."
    if any(one.what == "inbox" and one.is_full for one in measured.disks):
        return "Its disk is full: free some space there."
    return "Check the file that DATABASE_URL names, and its disk."


def _meanwhile(measured: Measurements) -> str:
    """Write what becomes of webhooks until a problem is solved."""
    if measured.database.engine == "postgresql" and any(one.what == "spool" for one in measured.disks):
        return "Webhooks are stored in the spool until then."
    known = dict.fromkeys(shop.platform for shop in measured.shops.values())
    later = ", ".join(f"{measured.platforms[name].title} {measured.platforms[name].resends}" for name in known)
    return f"Every webhook is answered with 503 until then{f': {later}' if later else ''}."


def disk(measured: Measurements) -> Iterator[Finding]:
    """Check the disks of the inbox and of the spool, and whether that of a database server is full."""
    if measured.database.write_fault == "disk_full":
        text = "The disk of the database server is full: no webhook can be stored."
        advice = f"{FREE_SPACE} {_meanwhile(measured)}"
        yield Finding("disk", Severity.ERROR, text, advice, detail="server", alerts=True)
    for one in measured.disks:
        if one.is_ephemeral:
            text = DYNO.format(what=one.what)
            yield Finding("disk", Severity.ERROR, text, DYNO_ADVICE[one.what], detail=f"{one.what} of a dyno")
        yield _space(one, measured)


def _space(one: DiskStatus, measured: Measurements) -> Finding:
    """Judge the free space of a disk."""
    alerts = one.what == "inbox"  # the disk of a spool is another one on each machine
    if one.is_full and one.what == "spool":
        text = f"The disk of the spool is full ({one.folder}): without the database, no webhook can be stored."
        return Finding("disk", Severity.ERROR, text, "Free some space.", detail=one.what)
    if one.is_full:
        text = f"The disk of the {one.what} is full ({one.folder}): no webhook can be stored."
        advice = f"{FREE_SPACE} {_meanwhile(measured)}"
        return Finding("disk", Severity.ERROR, text, advice, detail=one.what, alerts=alerts)
    if one.failure:
        text = f"The folder of the {one.what} ({one.folder}) is not writable: {one.failure}."
        advice = MOUNT if one.failure == os.strerror(errno.EROFS) else PERMIT
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
