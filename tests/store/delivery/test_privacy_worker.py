"""Privacy requests are carried out completely: in every row, and in every file of the database."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text

from schemas.events import Redaction
from tests.support import processes
from tests.support.deliveries import arrival, claim
from tests.support.recordings import EVERY
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.delivery.privacy_worker import PrivacyWorker
from webhook_app.inbox import Inbox, Settlement, State
from webhook_app.inbox.engines import vacuum
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import RequestKind
from webhook_app.inbox.spool import Spool
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = EVERY[0].shop
MARK, OTHERS = "zaphod-beeblebrox", "trillian-astra"
SIZES = (10, 700, 3000, 4090, 6000, 30_000)
DOCS = Path(__file__).parents[3] / "docs"
BY_ID = Redaction("acme.example", "424242")


@pytest.fixture
def inbox(migrated_url: str) -> Iterator[Inbox]:
    """An inbox in real time."""
    inbox = Inbox(migrated_url, lease=60)
    yield inbox
    inbox.close()


def order(number: int, customer: int, name: str) -> bytes:
    note = (f"{name} " * 3000)[: SIZES[number % len(SIZES)]]
    keys = [{"name": SHOP.profile_attribute, "value": f"{name}-key"}]
    values = {"id": number, "line_items": [], "customer": {"id": customer}, "note": note, "note_attributes": keys}
    return json.dumps(values).encode()


def fill(inbox: Inbox) -> None:
    """Store and settle orders of two customers, large and small, and what was done under their profile keys."""
    for number in range(40):
        name, customer = (MARK, 424242) if number % 2 else (OTHERS, 5)
        inbox.store(arrival(f"order-{number}", order(number, customer, name)))
        term = json.dumps({"term": name, "profile_key": f"{name}-key"}).encode()
        inbox.store(arrival(f"search-{number}", term, topic="storefront/search"))
    claimed = claim(inbox, 80)
    # Some with a call under the key, as it stays when the body was deleted by age.
    calls = [
        Call("search", f"search:{one.id}", {"SearchTerm": "x", "ProfileKey": json.loads(one.body)["profile_key"]})
        if one.body and b"term" in one.body
        else None
        for one in claimed
    ]
    inbox.settle([Settlement(one, State.DELIVERED, call=call) for one, call in zip(claimed, calls, strict=True)])


def request(inbox: Inbox) -> int:
    return privacy_requests.add(inbox, RequestKind.ERASE, "acme", Subject(BY_ID).as_json()).id


def claims(inbox: Inbox, number: int) -> int:
    found = privacy_requests.get(inbox, number)
    return found.claims if found else 0


def is_searched(inbox: Inbox, number: int) -> bool:
    found = privacy_requests.get(inbox, number)
    return found is not None and found.searched_at is not None


def in_files(folder: Path, mark: str) -> dict[str, int]:
    counts = {path.name: path.read_bytes().count(mark.encode()) for path in folder.rglob("*") if path.is_file()}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.engines("sqlite")
def test_nothing_is_left_in_any_file(inbox: Inbox, tmp_path: Path) -> None:
    """Neither in the write-ahead log, nor in free pages, nor in a log that was set aside; others' data stays."""
    fill(inbox)
    (tmp_path / "inbox.db-wal.unused-1795000000").write_text(MARK)
    assert len(in_files(tmp_path, MARK)) > 1
    done = PrivacyWorker(inbox, {"acme": SHOP}).carry_out(request(inbox))
    assert done.number == 40
    assert in_files(tmp_path, MARK) == {}
    assert in_files(tmp_path, OTHERS)
    [event] = audit_log.newest(inbox)
    assert (event.action, event.source) == ("erased", "command line")
    assert "Wiped 40 deliveries" in event.detail


@pytest.mark.engines("sqlite")
def test_erasing_is_tried_until_it_succeeds(inbox: Inbox, tmp_path: Path) -> None:
    """A long reader delays it, also across a restart, and no webhook waits for it."""
    fill(inbox)
    stopping = threading.Event()
    first = PrivacyWorker(inbox, {"acme": SHOP}, stopping.is_set)
    with closing(sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM deliveries").fetchone()
        number = request(inbox)
        thread = threading.Thread(target=first.run)
        thread.start()
        first.wake()
        processes.wait_for(
            lambda: (found := privacy_requests.get(inbox, number)) is not None and bool(found.searched_at)
        )
        began = time.monotonic()
        inbox.store(arrival("meanwhile"))
        assert time.monotonic() - began < 2
        stopping.set()
        first.wake()
        thread.join()
    assert in_files(tmp_path, MARK)
    assert privacy_requests.any_left(inbox)
    PrivacyWorker(inbox, {"acme": SHOP}).carry_out(number)
    assert in_files(tmp_path, MARK) == {}
    assert not privacy_requests.any_left(inbox)


def test_a_request_waits_for_what_was_spooled_before(inbox: Inbox, tmp_path: Path) -> None:
    """It may overtake an order that this machine accepted during an outage; orders that come later hold up nothing."""
    path = str(tmp_path / "spool.db")
    with closing(Spool(path, inbox)) as spool, closing(Inbox(f"sqlite:///{path}")) as file:
        spool.open()
        file.store(arrival("before", order(4711, 424242, MARK)))
        number = request(inbox)
        worker = PrivacyWorker(inbox, {"acme": SHOP}, spool_path=path)
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(worker.carry_out, number)
            processes.wait_for(lambda: done.done() or claims(inbox, number) > 0)
            time.sleep(0.1)
            assert not done.done()
            spool.drain()
            later = arrival("after", order(4712, 5, OTHERS))
            file.store(replace(later, received_at=inbox.clock() + 60_000))
            assert done.result(timeout=30).number == 1


def test_a_request_is_continued_by_another_process(inbox: Inbox) -> None:
    """What was found before a process was killed counts, and the keys that it found are followed."""
    fill(inbox)
    number = request(inbox)
    claimed = privacy_requests.claim(inbox, number)
    assert claimed
    assert privacy_requests.claim(inbox, number) is None
    subject = Subject(BY_ID, carried=frozenset({f"{MARK}-key"})).as_json()
    assert privacy_requests.save(inbox, claimed.advanced(80, [2, 4], subject), [2, 4], "redacted", "Wiped.")
    privacy_requests.release(inbox, claimed)
    PrivacyWorker(inbox, {"acme": SHOP}).carry_out(number)
    assert not privacy_requests.save(inbox, claimed, [1], "redacted", "Too late.")
    with inbox.database.read() as connection:
        left = connection.execute(text("SELECT count(*) FROM deliveries WHERE call LIKE '%zaphod%'")).scalar_one()
    assert left == 0


@pytest.mark.engines("postgres")
def test_no_value_is_in_the_statistics(inbox: Inbox) -> None:
    """ANALYZE stores samples of columns: of those that hold personal data it must not."""
    fill(inbox)
    with inbox.database.read() as connection:
        connection.execute(text("ANALYZE"))
        query = text("SELECT concat(most_common_vals, histogram_bounds) FROM pg_stats WHERE schemaname = 'public'")
        sampled = " ".join(connection.execute(query).scalars())
    assert "deliver" in sampled
    assert not [mark for mark in (MARK, OTHERS) for form in (mark, mark.encode().hex()) if form in sampled]


@pytest.mark.engines("postgres")
def test_the_statements_of_the_documentation_empty_the_log(inbox: Inbox, database_url: str) -> None:
    """PostgreSQL's log holds what was erased, whatever the receiver does, until an administrator executes these."""
    mark = uuid4().hex
    inbox.store(arrival("order", order(4711, 424242, mark)))
    PrivacyWorker(inbox, {"acme": SHOP}).carry_out(request(inbox))
    documented = (DOCS / "privacy.md").read_text().partition("```sql\n")[2].partition("```")[0]
    settings, switching = documented.splitlines()[:2], documented.splitlines()[2:]
    assert switching
    with psycopg.connect(database_url, autocommit=True) as administrator:
        query = "SELECT count(*) FROM pg_ls_waldir() WHERE position(%s in pg_read_binary_file('pg_wal/' || name)) > 0"

        def holding() -> int:
            [[count]] = administrator.execute(query, [mark.encode()]).fetchall()
            return int(count)

        def switched() -> bool:
            for statement in switching:
                administrator.execute(statement.encode())
            return holding() == 0

        assert holding()
        try:
            for statement in settings:
                administrator.execute(statement.encode())
            processes.wait_for(switched)
        finally:
            administrator.execute("ALTER SYSTEM RESET wal_recycle")
            administrator.execute("SELECT pg_reload_conf()")


@pytest.mark.engines("postgres")
@pytest.mark.parametrize("is_small", [True, False])
def test_deleted_rows_are_vacuumed(
    inbox: Inbox, database_url: str, monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    """As soon as no transaction can see them; nothing of them is left in the files of tables that are small."""
    monkeypatch.setattr(vacuum, "SMALL", vacuum.SMALL if is_small else 0)
    fill(inbox)
    assert MARK.encode() in table_file(database_url, "bodies")
    number = request(inbox)
    worker = PrivacyWorker(inbox, {"acme": SHOP})
    with psycopg.connect(database_url) as reader:  # holds what it can see
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM bodies")
        thread = threading.Thread(target=worker.carry_out, args=[number])
        thread.start()
        processes.wait_for(lambda: is_searched(inbox, number))
        time.sleep(0.3)
        assert privacy_requests.any_left(inbox)
    thread.join()
    if is_small:
        assert [table for table in vacuum.TABLES if MARK.encode() in table_file(database_url, table)] == []
    else:
        with psycopg.connect(database_url, autocommit=True) as other:
            query = "SELECT relname FROM pg_stat_user_tables WHERE vacuum_count > 0"
            processes.wait_for(lambda: {("bodies",), ("deliveries",)} <= set(other.execute(query).fetchall()))


@pytest.mark.engines("postgres")
def test_a_table_that_others_use_is_not_locked(inbox: Inbox, database_url: str) -> None:
    """No webhook waits behind a lock that is waited for: the table is vacuumed in the usual way."""
    with psycopg.connect(database_url, autocommit=True) as connection, psycopg.connect(database_url) as user:
        user.execute("LOCK TABLE bodies IN ROW EXCLUSIVE MODE")
        began = time.monotonic()
        assert vacuum.remove_deleted(connection, 0)
        assert time.monotonic() - began < 5
    assert inbox.store(arrival()).status == "stored"


def table_file(database_url: str, table: str) -> bytes:
    """What is on disk of a table, with the values that are stored apart from it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        apart = "SELECT reltoastrelid FROM pg_class WHERE oid = %s::regclass"
        names = connection.execute(f"SELECT %s::regclass UNION ALL {apart}".encode(), [table, table]).fetchall()
        files = [connection.execute("SELECT pg_relation_filepath(%s)", name).fetchone() for name in names]
        return b"".join(
            connection.execute("SELECT pg_read_binary_file(%s)", file).fetchall()[0][0]
            for file in files
            if file and file[0]
        )
