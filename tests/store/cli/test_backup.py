"""`backup`, and restoring as docs/backup.md says."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import SHOP
from tests.support.deliveries import arrival
from tests.support.processes import ROOT, environment
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from tests.support.commands import Run

on_sqlite = pytest.mark.engines("sqlite")
PAGE = (ROOT / "docs/backup.md").read_text(encoding="utf-8")


def documented(heading: str) -> str:
    """The commands below a heading of the page."""
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def carry_out(lines: str, folder: Path) -> None:
    """Run the commands of the page as they stand."""
    env = environment(
        SHOPS=SHOP,
        DATABASE_URL="sqlite:///var/inbox.db",
        PYTHONPATH=str(ROOT),
        PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin",
    )
    done = subprocess.run(
        ["/bin/sh", "-ec", lines], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def identities(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT identity FROM deliveries")}


@on_sqlite
def test_page_restores_what_it_backs_up(migrated_file: Path, tmp_path: Path) -> None:
    """The commands of the page work as they stand, beside a process that has the database open, and more than once."""
    (tmp_path / "var").mkdir()
    (tmp_path / "var/inbox.db").write_bytes(migrated_file.read_bytes())
    with closing(Inbox(f"sqlite:///{tmp_path}/var/inbox.db")) as inbox:
        inbox.store(arrival("before"))
        carry_out(documented("Back up SQLite"), tmp_path)
        inbox.store(arrival("after"))
        moving, *rest = documented("Restore SQLite").splitlines()
        carry_out(moving, tmp_path)
        with pytest.raises(StoreUnavailableError):
            inbox.store(arrival("meanwhile"))
        carry_out("\n".join(rest), tmp_path)
        inbox.store(arrival("later"))
        assert {row.identity for row in stored_deliveries.newest(inbox, 9)} == {"before", "later"}
        carry_out(documented("Restore SQLite"), tmp_path)
        assert {row.identity for row in stored_deliveries.newest(inbox, 9)} == {"before"}
    replaced = {frozenset(identities(one / "inbox.db")) for one in tmp_path.glob("var/replaced-*")}
    assert replaced == {frozenset({"before", "after"}), frozenset({"before", "later"})}


@on_sqlite
def test_backup_is_one_moment(run: Run, inbox: Inbox, tmp_path: Path) -> None:
    """What is stored meanwhile waits for nothing; the file is whole, by itself, and for its owner's eyes only."""
    for number in range(200):
        inbox.store(arrival(str(number), body=b"x" * 20_000))
    stop, during = threading.Event(), list[str]()

    def store() -> None:
        while not stop.is_set():
            during.append(f"during {len(during)}")
            inbox.store(arrival(during[-1]))

    thread = threading.Thread(target=store)
    thread.start()
    try:
        result = run("backup", str(tmp_path / "backup.db"))
    finally:
        stop.set()
        thread.join()
    assert result.exit_code == 0, result.output
    copied = identities(tmp_path / "backup.db")
    assert {str(number) for number in range(200)} <= copied
    assert f": {len(copied)} deliveries, verified." in result.output
    assert stat.S_IMODE((tmp_path / "backup.db").stat().st_mode) == 0o600
    assert not list(tmp_path.glob("backup.db?*"))


@on_sqlite
def test_existing_file_is_replaced_only_on_request(run: Run, inbox: Inbox, tmp_path: Path) -> None:
    """A backup never takes an older one's place by itself."""
    file = tmp_path / "backup.db"
    file.write_text("older")
    assert run("backup", str(file)).exit_code == 2
    assert file.read_text() == "older"
    assert run("backup", str(file), "--force").exit_code == 0
    assert identities(file) == set()


@on_sqlite
@pytest.mark.parametrize("name", ["inbox.db", "inbox.db-wal", "missing/backup.db", "/dev/null"])
def test_impossible_file_is_refused(run: Run, inbox: Inbox, tmp_path: Path, name: str) -> None:
    """The inbox itself, a device, and a folder that does not exist are no place for a backup."""
    inbox.store(arrival())
    result = run("backup", str(tmp_path / name), "--force")
    assert result.exit_code in (1, 2)
    assert "Error: " in result.output
    assert "unavailable" not in result.output
    assert inbox.store(arrival()).status == "duplicate"


@on_sqlite
def test_damaged_database_makes_no_backup(run: Run, inbox: Inbox, tmp_path: Path) -> None:
    """A copy that fails its check does not get its name, and replaces nothing."""
    for number in range(50):
        inbox.store(arrival(str(number), body=b"x" * 9000))
    inbox.database.erase_deleted()
    with (tmp_path / "inbox.db").open("r+b") as file:
        file.seek(-40_000, 2)
        file.write(b"\xff" * 20_000)
    (tmp_path / "backup.db").write_text("older")
    result = run("backup", str(tmp_path / "backup.db"), "--force")
    assert result.exit_code == 1
    assert (tmp_path / "backup.db").read_text() == "older"
    assert not list(tmp_path.glob("backup.db?*"))


@pytest.mark.engines("postgres")
def test_postgres_has_its_own_program(run: Run, inbox: Inbox) -> None:
    """The line for pg_dump is printed without the password."""
    result = run("backup", "it's.dump")
    assert result.exit_code == 1
    assert """pg_dump --format=custom --file='it'"'"'s.dump' "$DATABASE_URL\"""" in result.output
