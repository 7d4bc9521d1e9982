"""Checks that all processes run the same version, and that the database fits it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from webhook_app.formatting import duration
from webhook_app.health import thresholds
from webhook_app.health.check import Check
from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhook_app.health.measurements import Measurements
    from webhook_app.inbox.presence import Process

RESTART = "Restart what runs the older version; docs/upgrading.md has the order of an update."
OTHER_CODE = "If this code is newer, restart web and worker; otherwise run this command with the code that they run."
UNDER_WAY = "Nothing, while an update is under way: old and new processes work together."


def versions(measured: Measurements) -> Iterator[Finding]:
    """Report web and worker processes, a database, or this process, of another version than the others."""
    running = _by_version(measured.processes)
    if len(running) > 1:
        yield _different(running, measured)
    elif running and measured.version not in running:
        text = f"{_sentence(running)}; this process is {measured.version}."
        yield Finding("versions", Severity.INFO, text, OTHER_CODE, detail="here")
    if measured.database.newer:
        yield _newer_database(measured)


def _by_version(processes: Sequence[Process]) -> Mapping[str, Sequence[Process]]:
    """Return the processes by version, the one that began to run last at first."""
    found: defaultdict[str, list[Process]] = defaultdict(list)
    for one in sorted(processes, key=lambda one: one.started_at):
        found[one.version].append(one)
    return dict(sorted(found.items(), key=lambda item: -item[1][0].started_at))


def _different(running: Mapping[str, Sequence[Process]], measured: Measurements) -> Finding:
    since = measured.now - next(iter(running.values()))[0].started_at
    text = f"Different versions run: {_sentence(running)}."
    if since <= thresholds.UPGRADED_WITHIN:
        return Finding("versions", Severity.INFO, f"{text} The newest was started {_ago(since)}.", UNDER_WAY)
    return Finding("versions", Severity.WARNING, f"{text} The newest was started {_ago(since)}.", RESTART)


def _newer_database(measured: Measurements) -> Finding:
    """Judge a database that a newer version migrated: migrations only add, so that older processes work with it."""
    last, found = measured.last_migration, measured.database
    text = (
        f"The database was migrated by a newer version ({found.newer}; this process, {measured.version}, needs "
        f"{found.revision})"
    )
    if last is None:
        return Finding("versions", Severity.WARNING, f"{text}.", RESTART, detail="database")
    since = measured.now - last.seen_at
    severity = Severity.INFO if since <= thresholds.UPGRADED_WITHIN else Severity.WARNING
    advice = UNDER_WAY if severity is Severity.INFO else RESTART
    return Finding("versions", severity, f"{text}: by {last.version}, {_ago(since)}.", advice, detail="database")


def _sentence(running: Mapping[str, Sequence[Process]]) -> str:
    parts = [f"{' and '.join(sorted({one.role for one in these}))} {version}" for version, these in running.items()]
    return ", ".join(parts)


def _ago(milliseconds: int) -> str:
    return f"{duration(max(milliseconds, 0))} ago"


CHECKS = (Check("versions", versions),)
