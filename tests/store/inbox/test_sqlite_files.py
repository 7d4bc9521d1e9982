"""The files of an SQLite inbox are deleted, replaced or overwritten while processes have them open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.deliveries import arrival
from tests.support.processes import ROOT, environment
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, backup, migrate
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.engines("sqlite")

STORE = """
import sys
from webhook_app.inbox import Inbox, NewDelivery
inbox = Inbox(sys.argv[1])
inbox.store(NewDelivery("shop", "shopify", "orders/create", sys.argv[2], "", {}, b"{}"))
"""


@pytest.fixture
def file(inbox: Inbox, tmp_path: Path) -> Path:
    """The file of an inbox that has it open and stored one delivery."""
    inbox.store(arrival("first"))
    return tmp_path / "inbox.db"


@pytest.fixture
def restored(file: Path, inbox: Inbox, tmp_path: Path) -> Path:
    """A backup that lacks what is stored after it."""
    backup.copy(inbox.database, tmp_path / "backup.db", lambda *_: None)
    inbox.store(arrival("second"))
    return tmp_path / "backup.db"


def stored(file: Path) -> set[str]:
    """The deliveries in a file, which must be whole."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute("SELECT identity FROM deliveries")}


def change_while_replaced(inbox: Inbox, replace: Callable[[], object]) -> None:
    with inbox.database.write() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET topic = 'lost'")
        replace()


def move_all(file: Path, to: Path) -> None:
    for one in file.parent.glob(f"{file.name}*"):
        one.rename(to / one.name)


def test_missing_file_is_not_created_anew(inbox: Inbox, file: Path) -> None:
    """What is stored after the file was deleted is refused, and no empty file takes its place."""
    for one in file.parent.glob("inbox.db*"):
        one.unlink()
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="deleted or moved away"):
                inbox.store(arrival("late"))
            with pytest.raises(StoreUnavailableError, match="deleted or moved away"):
                inbox.queues()
    assert not file.exists()
    assert [line["what"] for line in lines] == ["missing"]


def test_file_that_comes_back_is_used_again(inbox: Inbox, file: Path, tmp_path: Path) -> None:
    """A folder's files are moved away and back: nothing that was stored is lost, and storing goes on."""
    (tmp_path / "away").mkdir()
    move_all(file, tmp_path / "away")
    with pytest.raises(StoreUnavailableError):
        inbox.store(arrival("refused"))
    move_all(tmp_path / "away/inbox.db", tmp_path)
    inbox.store(arrival("second"))
    inbox.close()
    assert stored(file) == {"first", "second"}


def test_folder_is_gone(database_url: str, migrated_file: Path, tmp_path: Path) -> None:
    """The folder of the database is moved away and another one takes its place."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(migrated_file, folder / "inbox.db")
    with closing(Inbox(f"sqlite:///{folder}/inbox.db")) as inbox:
        inbox.store(arrival("first"))
        folder.rename(tmp_path / "other")
        with pytest.raises(StoreUnavailableError, match="deleted or moved away"):
            inbox.store(arrival("refused"))
        folder.mkdir()
        shutil.copy(migrated_file, folder / "inbox.db")
        inbox.store(arrival("second"))
    assert stored(folder / "inbox.db") == {"second"}


@pytest.mark.parametrize("with_log", [True, False])
def test_replaced_file_is_the_new_inbox(inbox: Inbox, file: Path, restored: Path, *, with_log: bool) -> None:
    """Storing goes on in the file that was moved over the old one, even when the old log was left beside it."""
    if not with_log:
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink()
    restored.rename(file)
    with capture_logs() as lines:
        inbox.store(arrival("third"))
    inbox.close()
    assert stored(file) == {"first", "third"}
    assert [line["event"] for line in lines] == ["database_file_changed", "database_file_opened"]


def test_moved_file_is_complete(inbox: Inbox, file: Path, restored: Path, tmp_path: Path) -> None:
    """A file that was moved away without its log gets what the log holds."""
    file.rename(tmp_path / "old.db")
    restored.rename(file)
    inbox.store(arrival("third"))
    assert stored(tmp_path / "old.db") == {"first", "second"}
    assert stored(file) == {"first", "third"}


def test_link_that_points_elsewhere(inbox: Inbox, restored: Path, tmp_path: Path) -> None:
    """The path may be a link, and the link may be changed; SQLite's files stay beside the file that it points to."""
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "inbox.db")
    with closing(Inbox(f"sqlite:///{link}")) as linked:
        linked.store(arrival("third"))
        link.unlink()
        link.symlink_to(restored)
        linked.store(arrival("fourth"))
        inbox.store(arrival("fifth"))
    assert stored(tmp_path / "inbox.db") == {"first", "second", "third", "fifth"}
    assert stored(restored) == {"first", "fourth"}


@pytest.mark.parametrize("suffixes", [("-wal",), ("-shm",), ("-wal", "-shm")])
def test_deleted_log_loses_nothing(inbox: Inbox, file: Path, suffixes: tuple[str, ...]) -> None:
    """What a deleted write-ahead log held is written into the file."""
    for suffix in suffixes:
        file.with_name(file.name + suffix).unlink()
    inbox.store(arrival("second"))
    inbox.close()
    assert stored(file) == {"first", "second"}


def test_overwritten_file_is_read_anew(inbox: Inbox, file: Path, restored: Path) -> None:
    """A backup that was copied over the file in place is the inbox, and the log of the old content is not applied."""
    inbox.database.erase_deleted()
    for number in range(50):
        inbox.store(arrival(f"more {number}", body=b"x" * 5000))
    inbox.database.erase_deleted()
    shutil.copyfile(restored, file)
    inbox.store(arrival("third"))
    inbox.close()
    assert stored(file) == {"first", "third"}


def test_file_overwritten_by_a_newer_one_is_read_anew(inbox: Inbox, file: Path, restored: Path) -> None:
    """A backup of another inbox, which has a higher change counter, is known by its having no log."""
    with closing(sqlite3.connect(restored, isolation_level=None)) as connection:
        for number in range(99):
            connection.execute(f"PRAGMA user_version={number}")
    shutil.copyfile(restored, file)
    inbox.store(arrival("third"))
    inbox.close()
    assert stored(file) == {"first", "third"}


def test_truncated_file_is_refused(inbox: Inbox, file: Path) -> None:
    """Nothing is stored in an empty file, and it is not taken for a new inbox."""
    inbox.database.erase_deleted()
    os.truncate(file, 0)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            inbox.store(arrival("second"))
    assert file.stat().st_size == 0


def test_commit_into_a_file_that_vanished_is_refused(inbox: Inbox, file: Path, restored: Path) -> None:
    """A file that is replaced between the check and the commit: what was committed there is not acknowledged."""
    with pytest.raises(StoreUnavailableError, match="replaced"):
        change_while_replaced(inbox, lambda: restored.rename(file))
    assert stored_deliveries.newest(inbox, 1)[0].topic != "lost"


def test_another_process_closes_the_old_file(inbox: Inbox, file: Path, restored: Path, database_url: str) -> None:
    """A process that closes the old file last does not delete the log of the new one."""
    restored.rename(file)
    with closing(Inbox(database_url)) as another:
        another.store(arrival("third"))
        inbox.close()
        assert file.with_name("inbox.db-wal").exists()
    assert stored(file) == {"first", "third"}


def test_log_of_another_file_is_set_aside(file: Path, inbox: Inbox, restored: Path, database_url: str) -> None:
    """A process that starts after the file was replaced does not take the old log, which is beside it, for its own."""
    restored.rename(file)
    command = [sys.executable, "-c", STORE, database_url, "third"]
    subprocess.run(command, cwd=ROOT, env=environment(), check=True, timeout=60, capture_output=True)
    assert [one for one in file.parent.iterdir() if ".unused-" in one.name]
    inbox.store(arrival("fourth"))
    inbox.close()
    assert stored(file) == {"first", "third", "fourth"}


def test_log_of_a_copied_folder_is_used(file: Path, inbox: Inbox, tmp_path: Path) -> None:
    """A copy of all files keeps its log, also where the copied log has the inode that the log had before."""
    inbox.store(arrival("second"))
    copy = tmp_path / "copy" / file.name
    copy.parent.mkdir()
    for one in file.parent.glob("inbox.db*"):
        if one.is_file():
            shutil.copy(one, copy.with_name(one.name))
    log, lock = (copy.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-turn"))
    before, note = f" {file.with_name(log.name).stat().st_ino}", lock.read_text()
    assert before in note
    lock.write_text(note.replace(before, f" {log.stat().st_ino}", 1))
    with closing(Inbox(f"sqlite:///{copy}")) as copied:
        copied.store(arrival("third"))
    assert stored(copy) >= {"second", "third"}


def test_backup_takes_the_place_of_a_file_alone(file: Path, inbox: Inbox, restored: Path, tmp_path: Path) -> None:
    """A log that a killed process left is not applied to a backup that is put in the file's place, in any way."""
    for number, removed in enumerate(((), ("",), ("", "-shm"), ("", "-turn"), ("", "-shm", "-turn"))):
        killed = tmp_path / str(number) / file.name
        killed.parent.mkdir()
        for one in file.parent.glob("inbox.db*"):
            if one.is_file():
                shutil.copy(one, killed.with_name(one.name))
        for suffix in removed:
            killed.with_name(killed.name + suffix).unlink()
        killed.write_bytes(restored.read_bytes())
        with closing(Inbox(f"sqlite:///{killed}")) as opened:
            opened.store(arrival("third"))
        assert stored(killed) == {"first", "third"}, removed
        assert list(killed.parent.glob("*.unused-*")), removed


def test_lock_file_may_be_deleted(inbox: Inbox, file: Path, database_url: str) -> None:
    """The file of the write lock is created again, and locks for all."""
    with closing(Inbox(database_url)) as another, inbox.database.write():
        file.with_name("inbox.db-turn").unlink()
        another.queues()
    inbox.store(arrival("second"))
    assert file.with_name("inbox.db-turn").exists()


def test_migrating_makes_a_new_one(inbox: Inbox, file: Path) -> None:
    """After a loss, `migrate` creates an empty inbox, which open processes use."""
    for one in file.parent.glob("inbox.db*"):
        one.unlink()
    with closing(Inbox(f"sqlite:///{file}")) as another:
        migrate.upgrade(another.database)
    inbox.store(arrival("second"))
    assert stored(file) == {"second"}
