"""The check of versions, in every state of an update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.health import NOW, measured
from webhook_app.code_version import code_version
from webhook_app.health import evaluation
from webhook_app.health.measurements import DatabaseStatus
from webhook_app.inbox.presence import MIGRATION, WEB, WORKER, Process
from webhook_app.time_units import MINUTE

if TYPE_CHECKING:
    from webhook_app.health.finding import Finding

OLD, NEW = "1.0.0 (aaaa)", "1.1.0 (bbbb)"
NEWER = DatabaseStatus("sqlite", "0007", newer="0008")


def process(role: str, version: str, minutes: int) -> Process:
    return Process(role, version, NOW - minutes * MINUTE, NOW, listens=True)


def found(version: str = OLD, **figures: Any) -> list[Finding]:
    return [one for one in evaluation.findings(measured(version=version, **figures)) if one.check == "versions"]


def test_one_version_is_no_finding() -> None:
    """Neither while all run the same, nor before anything runs."""
    assert found(processes=[process(WEB, OLD, 90), process(WORKER, OLD, 1)]) == []
    assert found() == []


@pytest.mark.parametrize(("minutes", "severity"), [(15, "info"), (16, "warning")])
def test_processes_of_two_versions(minutes: int, severity: str) -> None:
    """They are named, the newer first; soon after the newer one started, an update is under way."""
    [one] = found(processes=[process(WORKER, OLD, 600), process(WEB, OLD, 600), process(WEB, NEW, minutes)])
    assert one.severity == severity
    assert one.text.startswith(f"Different versions run: web {NEW}, web and worker {OLD}. The newest was started")


def test_this_process_has_another_version() -> None:
    """A command of code that was updated, while web and worker were not restarted."""
    [one] = found(NEW, processes=[process(WEB, OLD, 9), process(WORKER, OLD, 9)])
    assert (one.severity, one.text) == ("info", f"web and worker {OLD}; this process is {NEW}.")


@pytest.mark.parametrize(("minutes", "severity"), [(1, "info"), (16, "warning"), (None, "warning")])
def test_database_of_a_newer_version(minutes: int | None, severity: str) -> None:
    """It works, and is a warning once the update should be over."""
    last = None if minutes is None else process(MIGRATION, NEW, minutes)
    at = NOW - (minutes or 0) * MINUTE
    last = last and Process(MIGRATION, NEW, at, at, listens=False)
    [one] = found(database=NEWER, last_migration=last)
    assert (one.severity, "0008" in one.text, "0007" in one.text) == (severity, True, True)
    assert (NEW in one.text) is (last is not None)


def test_version_names_the_code() -> None:
    """It is the same in every process of the same code."""
    assert code_version() == code_version()
    assert code_version().endswith(")")
