"""Checks of the database, the disk and the spool."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.deliveries import arrival
from tests.support.doctor import finding_of, findings_of
from tests.support.processes import free_port
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.doctor import Examine


def test_missing_migrations_are_an_error(empty: Examine) -> None:
    """Not migrated: text once, and what needs the inbox is left out."""
    findings = empty()
    assert finding_of(findings, "database")[0] == "error"
    assert any("webhook_app migrate" in one["advice"] for one in findings)
    assert not findings_of(findings, "workers")


def test_unavailable_database_is_an_error(plain: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The driver's own words, without the password."""
    (tmp_path / "not.db").write_bytes(b"this is not a database, although it has enough bytes to be one.....")
    for url in (f"postgres://me:hidden@127.0.0.1:{free_port()}/none", f"sqlite:///{tmp_path / 'not.db'}"):
        monkeypatch.setenv("DATABASE_URL", url)
        findings = plain()
        assert finding_of(findings, "database")[0] == "error"
        assert "hidden" not in json.dumps(findings)


@pytest.mark.parametrize(("free", "severity"), [(50_000_000, "error"), (500_000_000, "warning"), (5_000_000_000, "ok")])
def test_full_disk_is_reported(plain: Examine, monkeypatch: pytest.MonkeyPatch, free: int, severity: str) -> None:
    """Before it is full; the system's figure is the only thing that is made up here."""
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Usage(free))
    assert finding_of(plain(), "disk")[0] == severity


class Usage(NamedTuple):
    free: int


def test_read_only_folder_is_an_error(plain: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file can be created in /proc, not even by root."""
    monkeypatch.setenv("DATABASE_URL", "sqlite:////proc/inbox.db")
    findings = plain()
    assert finding_of(findings, "disk")[0] == "error"
    assert finding_of(findings, "database")[0] == "error"


def test_disk_of_a_dyno_is_an_error(plain: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With DYNO set, a file in the working directory is lost at a restart."""
    monkeypatch.setenv("DYNO", "web.1")
    assert finding_of(plain(), "disk")[0] == "ok"
    monkeypatch.chdir(tmp_path)
    assert [severity for severity, _ in findings_of(plain(), "disk")] == ["error", "ok"]


def test_events_in_the_spool_are_a_warning(
    on_postgres: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was acknowledged, and the database is back."""
    assert not findings_of(on_postgres(), "spool")
    monkeypatch.setenv("SPOOL", str(tmp_path / "spool.db"))
    assert [severity for severity, _ in findings_of(on_postgres(), "disk")] == ["ok"]
    with closing(Inbox(f"sqlite:///{tmp_path / 'spool.db'}")) as spool:
        migrate.upgrade(spool.database)
        spool.store(arrival())
    assert findings_of(on_postgres(), "spool") == [
        ("warning", "1 accepted event waits in the spool for the database."),
    ]
