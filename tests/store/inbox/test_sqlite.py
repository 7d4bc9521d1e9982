"""The inbox on SQLite: what only this engine does."""

from __future__ import annotations

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deliveries import arrival, claim, claim_one, settle
from webhook_app.inbox import Inbox, State, retention
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


def test_named_pipe_replaces_a_plain_file(inbox: Inbox, tmp_path: Path) -> None:
    """A pipe that was restored from a backup as a plain file does not keep the worker busy."""
    (tmp_path / "inbox.db-bell").write_bytes(b"\0")
    began = time.monotonic()
    inbox.wakeups.wait(0.2)
    assert time.monotonic() - began >= 0.2
