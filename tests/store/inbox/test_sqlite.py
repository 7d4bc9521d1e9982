"""The inbox on SQLite: what only this engine does."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.deliveries import arrival, claim, claim_one, settle
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, State, migrate, retention
from webhook_app.inbox.engines import sqlite, sqlite_files, wakeup_sockets
from webhook_app.inbox.retention import Retention

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock


pytestmark = pytest.mark.engines("sqlite")


def test_processes_write_one_after_another(inbox: Inbox, database_url: str) -> None:
    """Processes wait for each other instead of failing as busy: each opens its own connections and lock file."""
    others = [Inbox(database_url) for _ in range(3)]
    with ThreadPoolExecutor(12) as threads:
        results = list(threads.map(lambda n: others[n % 3].store(arrival(str(n))), range(300)))
    assert len({one.id for one in results}) == 300
    for other in others:
        other.close()


def test_a_file_that_becomes_writable_is_written(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite opens a file that it cannot write for reading, and such a connection would stay so."""
    opened = sqlite_files.connect

    def read_only(path: str, *more: str) -> sqlite3.Connection:
        connection = opened(path, *more)
        connection.execute("PRAGMA query_only=1").close()
        return connection

    inbox.close()
    with monkeypatch.context() as patched:
        patched.setattr(sqlite_files, "connect", read_only)
        with closing(Inbox(str(inbox.database.engine.url))) as other:
            for _ in range(2):
                with pytest.raises(StoreUnavailableError, match="readonly database"):
                    other.store(arrival())
            patched.undo()
            other.store(arrival())


def test_wiped_data_is_erased_from_the_file(inbox: Inbox, clock: Clock, tmp_path: Path) -> None:
    """Wiped data cannot be read from free pages of the database."""
    seed = b"zeta.quux@example.test"
    inbox.store(arrival(body=b'{"email":"' + seed + b'"}'))
    settle(inbox, claim_one(inbox), State.DELIVERED)
    clock.move(8 * 86400)
    retention.sweep(inbox, Retention(7 * 86400, 90 * 86400))
    inbox.close()  # the last connection to close writes the write-ahead log into the file
    assert not [file for file in tmp_path.iterdir() if file.is_file() and seed in file.read_bytes()]


def test_files_are_readable_by_this_user_only(inbox: Inbox, tmp_path: Path) -> None:
    """Bodies hold personal data: no other user of the machine can read them."""
    inbox.store(arrival())
    for file in tmp_path.glob("inbox.db*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_file_that_exists_becomes_private(migrated_url: str, tmp_path: Path) -> None:
    """A backup that was copied back, say, with the usual permissions; also its log."""
    (tmp_path / "inbox.db").chmod(0o644)
    with closing(Inbox(migrated_url)) as inbox:
        inbox.store(arrival())
        for file in tmp_path.glob("inbox.db*"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_what_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    """DATABASE_URL may name a folder, another program's file or a pipe by mistake: nothing about it is changed."""
    folder, file, pipe = tmp_path / "folder", tmp_path / "file", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    file.write_text("of another program")
    for path, mode in ((folder, 0o755), (file, 0o644), (pipe, 0o644)):
        path.chmod(mode)
        with closing(Inbox(f"sqlite:///{path}")) as inbox:
            with pytest.raises(StoreUnavailableError):
                migrate.upgrade(inbox.database)
            with pytest.raises(StoreUnavailableError):
                inbox.store(arrival())
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert file.read_text() == "of another program"


def test_commits_are_durable(inbox: Inbox) -> None:
    """A commit is on disk before the webhook is answered."""
    with inbox.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_only_claims_are_not_synced(inbox: Inbox) -> None:
    """A connection that has claimed syncs its next commit again, whatever that writes."""
    inbox.store(arrival())
    claim(inbox)
    for durable, synchronous in ((False, 1), (True, 2)):
        with inbox.database.write(durable=durable) as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == synchronous


def test_claiming_uses_the_index_of_unfinished_rows(inbox: Inbox) -> None:
    """The cost of a claim does not grow with the settled deliveries."""
    executed: list[str] = []
    inbox.store(arrival())
    with inbox.database.read() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(executed.append)
    claim(inbox, 8)
    asked = [text for text in executed if text.lstrip().startswith("WITH") and "deliveries" in text]
    assert len(asked) == 2  # the shops with due deliveries, and the claim
    for statement in asked:
        with inbox.database.read() as connection:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all())
        assert "ix_deliveries_shop_due" in plan
        assert "SCAN deliveries" not in plan


def test_reader_makes_no_checkpoint_wait(inbox: Inbox, tmp_path: Path) -> None:
    """Erasing deleted data leaves to the next time what a long reader still needs, and waits for nothing."""
    inbox.store(arrival("first"))
    with closing(sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM deliveries").fetchone()
        inbox.store(arrival("second"))
        began = time.monotonic()
        assert not inbox.database.erase_deleted()
        inbox.store(arrival("third"))
        assert time.monotonic() - began < 2
    assert inbox.database.erase_deleted()
    assert (tmp_path / "inbox.db-wal").stat().st_size == 0


@pytest.mark.parametrize("lock", ["database", "file"])
def test_stuck_writer_is_reported(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str) -> None:
    """Another process holds SQLite's lock, or the lock file, for ever: writing ends with an error, reading goes on."""
    monkeypatch.setattr(sqlite, "WRITE_WITHIN", 0.1)
    inbox.store(arrival("first"))
    with ExitStack() as held:
        if lock == "database":
            other = held.enter_context(closing(sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)))
            other.execute("BEGIN IMMEDIATE")
        else:
            fcntl.flock(held.enter_context((tmp_path / "inbox.db-turn").open()), fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailableError, match="another process holds its write lock"):
            inbox.store(arrival("refused"))
        assert inbox.queues()
    assert inbox.store(arrival("second")).status == "stored"


def test_large_log_is_reported(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write-ahead log that cannot begin anew is reported, and not with each commit."""
    monkeypatch.setattr(sqlite, "LARGE_LOG", 1)
    with capture_logs() as lines:
        for number in range(3):
            inbox.store(arrival(str(number)))
    assert [line["event"] for line in lines] == ["database_log_large"]


def test_notification_survives_a_deleted_folder(inbox: Inbox, tmp_path: Path) -> None:
    """A worker listens again when its socket or the folder of sockets was deleted."""
    inbox.wakeups.wait(0)
    folder = tmp_path / ".inbox.db-wakeups"
    shutil.rmtree(folder)
    assert not inbox.wakeups.has_listener()
    inbox.wakeups.wait(20)  # returns at once, because a notification may have been missed
    assert inbox.wakeups.has_listener()


def test_each_worker_is_notified(inbox: Inbox, database_url: str, tmp_path: Path) -> None:
    """Every listening worker gets a notification, whatever else lies there; a killed one's socket is removed."""
    (tmp_path / ".inbox.db-wakeups").mkdir()
    others = {f"other-{number}" for number in range(20)}
    for name in others:
        (tmp_path / ".inbox.db-wakeups" / name).mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead, contextlib.chdir(tmp_path / ".inbox.db-wakeups"):
        dead.bind("dead")
    with closing(Inbox(database_url)) as another:
        for one in (inbox, another):
            one.wakeups.wait(0)
        inbox.store(arrival())
        began = time.monotonic()
        for one in (inbox, another):
            one.wakeups.wait(20)
        assert time.monotonic() - began < 10
        assert len({file.name for file in (tmp_path / ".inbox.db-wakeups").iterdir()} - others) == 2


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_late_worker_misses_nothing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, interrupted: bool) -> None:
    """What came before a look at the socket, and was seen after its end because the machine is busy, ends the wait."""
    inbox.wakeups.wait(0)
    monkeypatch.setattr(wakeup_sockets, "CHECK_EVERY", 0.0)  # each look ends before the worker sees what came
    inbox.wakeups.interrupt() if interrupted else inbox.store(arrival())
    began = time.monotonic()
    inbox.wakeups.wait(2)
    assert time.monotonic() - began < 2


def test_copy_takes_no_notification(inbox: Inbox, tmp_path: Path) -> None:
    """The files beside the database can be copied while a worker listens; nothing waits, and nothing is taken."""
    (tmp_path / "copy").mkdir()
    os.mkfifo(tmp_path / "inbox.db-bell")  # of an older version, which no process uses any more
    inbox.wakeups.wait(0)
    command = f"cp {tmp_path}/inbox.db* {tmp_path}/copy && cat {tmp_path}/inbox.db* > {tmp_path}/copy/all"
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=30)
    inbox.store(arrival())
    began = time.monotonic()
    inbox.wakeups.wait(20)
    assert time.monotonic() - began < 10


def test_worker_polls_where_no_socket_can_be_made(inbox: Inbox, tmp_path: Path) -> None:
    """A folder that cannot be made is reported once, and the worker polls."""
    (tmp_path / ".inbox.db-wakeups").write_bytes(b"")
    with capture_logs() as lines:
        for _ in range(2):
            inbox.wakeups.wait(0.01)
    assert [line["event"] for line in lines] == ["notifications_unavailable"]


@pytest.mark.parametrize(("free", "advice"), [(4096, "Free some space"), (10**9, "it may be broken")])
def test_a_disk_without_room_for_the_index_is_full(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, free: int, advice: str
) -> None:
    """SQLite reports an input/output error then; what to do follows from the room that is left."""
    found = os.statvfs_result((1, 1, free, free, free, 9, 9, 9, 0, 255))
    monkeypatch.setattr("os.statvfs", lambda _: found)
    with pytest.raises(StoreUnavailableError) as caught, inbox.database.unavailable_on_error():
        raise sqlite3.OperationalError("disk I/O error")
    assert advice in caught.value.advice


# https://sqlite.org/fileformat.html#the_rollback_journal
JOURNAL_HEADER = bytes.fromhex("d9d505f920a163d7") + bytes(504)


@pytest.mark.parametrize("journal", [None, JOURNAL_HEADER, bytes(512), b""], ids=["none", "header", "zeros", "empty"])
def test_an_inbox_whose_creation_lost_its_power_is_created_anew(tmp_path: Path, journal: bytes | None) -> None:
    """The first page was not on the disk yet: it reads as zeros, as far as the file reaches."""
    file, beside = tmp_path / "inbox.db", tmp_path / "inbox.db-journal"
    for size in (0, 512, 4096):
        for name in tmp_path.glob("inbox.db*"):
            name.unlink()
        file.write_bytes(bytes(size))
        if journal is not None:
            beside.write_bytes(journal)
        with closing(Inbox(f"sqlite:///{file}")) as inbox:
            migrate.upgrade(inbox.database)
            assert inbox.store(arrival()).id


@pytest.mark.parametrize(
    ("content", "beside"),
    [
        (b"x" + bytes(4095), {}),
        (bytes(4095) + b"x", {}),
        (bytes(65536 + 1), {}),
        (bytes(4096), {"-wal": b"x" * 32}),
        (bytes(4096), {"-journal": JOURNAL_HEADER + b"x"}),
    ],
    ids=["foreign", "zeros and a byte", "large", "with a log", "with a journal"],
)
def test_what_may_hold_something_is_not_overwritten(tmp_path: Path, content: bytes, beside: dict[str, bytes]) -> None:
    """A foreign file, or one whose content may be in its log or journal, is refused and stays as it is."""
    file = tmp_path / "inbox.db"
    file.write_bytes(content)
    for suffix, text in beside.items():
        file.with_name(file.name + suffix).write_bytes(text)
    with closing(Inbox(f"sqlite:///{file}")) as inbox, pytest.raises(StoreUnavailableError, match="no SQLite database"):
        migrate.upgrade(inbox.database)
    assert file.read_bytes() == content
    assert {suffix: file.with_name(file.name + suffix).read_bytes() for suffix in beside} == beside
