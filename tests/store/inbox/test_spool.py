"""The spool: while PostgreSQL is unavailable, deliveries are stored on disk, and then drained once and in order."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from tests.support import processes, sockets
from tests.support.deliveries import arrival
from webhook_app.cli import main
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Clock
    from tests.support.postgres import Server


pytestmark = pytest.mark.engines("postgres")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the spool is."""
    return str(tmp_path / "folder" / "spool.db")


@pytest.fixture
def spool(path: str, inbox: Inbox) -> Iterator[Spool]:
    """A spool in front of the inbox."""
    with closing(Spool(path, inbox)) as spool:
        yield spool


@contextmanager
def started(path: str, inbox: Inbox) -> Iterator[Spool]:
    with closing(Spool(path, inbox)) as spool:
        spool.start()
        yield spool


def spool_while_away(spool: Spool, server: Server, *names: str) -> None:
    with server.stopped():
        assert all(spool.store(arrival(name)).spooled for name in names)


def identities(inbox: Inbox) -> list[str]:
    return [row.identity for row in reversed(stored_deliveries.newest(inbox, 1000))]


def test_database_comes_first(spool: Spool, inbox: Inbox) -> None:
    """While the database is available nothing is spooled."""
    assert not spool.store(arrival()).spooled
    assert stored_deliveries.counts(inbox) == {"received": 1}


def test_spooled_is_drained_in_order(spool: Spool, inbox: Inbox, postgres: Server) -> None:
    """Spooled deliveries reach the inbox in the order of their arrival, however many there are."""
    names = [str(number) for number in range(50)]
    spool_while_away(spool, postgres, *names)
    assert spool.drain() == 50
    assert identities(inbox) == names
    assert spool.drain() == 0


def test_drained_is_unchanged(spool: Spool, inbox: Inbox, postgres: Server, clock: Clock) -> None:
    """Body, headers and the time of arrival are those of the webhook."""
    arrived_at, body = clock.now, bytes(range(256))
    with postgres.stopped():
        spool.store(arrival(body=body, headers={"x-a": "b"}))
    clock.move(3600)
    spool.drain()
    assert stored_deliveries.get(inbox, 1).received_at == arrived_at
    assert stored_deliveries.body(inbox, 1) == ({"x-a": "b"}, body)


def test_repeated_delivery_is_drained_once(spool: Spool, inbox: Inbox, postgres: Server) -> None:
    """A webhook that is sent again, before, during or after, is one delivery."""
    spool.store(arrival("a"))
    spool_while_away(spool, postgres, "a", "b", "b")
    spool.drain()
    assert identities(inbox) == ["a", "b"]


def test_killed_while_draining_drains_the_rest(path: str, spool: Spool, inbox: Inbox, postgres: Server) -> None:
    """Deliveries that were moved but not deleted are moved again, and stored once."""
    names = [str(number) for number in range(20)]
    spool_while_away(spool, postgres, *names)
    inbox.store_all([arrival(name) for name in names[:16]])
    with closing(Spool(path, inbox)) as next_one:
        assert next_one.drain() == 20
    assert identities(inbox) == names


def test_processes_share_the_file(path: str, spool: Spool, inbox: Inbox, database_url: str, postgres: Server) -> None:
    """Several processes spool into one file, and one of them drains at a time."""
    with closing(Inbox(database_url)) as second, closing(Spool(path, second)) as other:
        spool_while_away(spool, postgres, *(f"a{number}" for number in range(40)))
        spool_while_away(other, postgres, *(f"b{number}" for number in range(40)))
        with ThreadPoolExecutor(2) as threads:
            drained = sum(threads.map(Spool.drain, (spool, other)))
        assert drained + spool.drain() == 80
    assert len(identities(inbox)) == 80


def test_start_drains_what_a_crash_left(path: str, spool: Spool, inbox: Inbox, postgres: Server) -> None:
    """A process that starts drains the deliveries that an earlier one left."""
    spool_while_away(spool, postgres, "a", "b")
    with started(path, inbox):
        processes.wait_for(lambda: stored_deliveries.counts(inbox) == {"received": 2})


def test_database_that_is_back_is_used(path: str, inbox: Inbox, postgres: Server) -> None:
    """The process notices by itself, and logs once that it spools and once what it drained."""
    with capture_logs() as lines, started(path, inbox) as spool:
        spool_while_away(spool, postgres, "a", "b", "c")
        processes.wait_for(lambda: not spool.store(arrival("d")).spooled)
        processes.wait_for(lambda: any(line["event"] == "spool_drained" for line in lines))
    assert set(identities(inbox)) == set("abcd")
    assert [line["event"] for line in lines] == ["spooling_started", "spool_drained"]


def test_silent_database_delays_one_group_only(path: str) -> None:
    """A server that accepts connections but does not answer delays only the first group."""
    with sockets.serving(sockets.silent) as server:
        address = f"postgres://u@{server.address}/inbox"
        with closing(Inbox(address)) as inbox, started(path, inbox) as spool:
            assert spool.store(arrival("first")).spooled
            began = time.monotonic()
            with ThreadPoolExecutor(8) as threads:
                results = list(threads.map(lambda number: spool.store(arrival(str(number))), range(100)))
            assert time.monotonic() - began < 2
            assert all(one.spooled for one in results)


def test_readiness(spool: Spool, path: str, inbox: Inbox, postgres: Server) -> None:
    """It is needed while the database is unavailable, and not before or after."""
    assert not spool.is_needed()
    with postgres.stopped():
        assert spool.is_needed()
    spool.drain()
    with started(path, inbox) as other:
        processes.wait_for(lambda: not other.is_needed())


def test_unusable_spool_is_unavailable(inbox: Inbox, postgres: Server) -> None:
    """Where the disk cannot be written either, storing fails, which is answered with 503."""
    with closing(Spool("/dev/null/spool.db", inbox)) as spool, postgres.stopped():
        for ask in (lambda: spool.store(arrival()), spool.is_needed):
            with pytest.raises(StoreUnavailableError):
                ask()


def test_full_spool_is_unavailable(spool: Spool, path: str, inbox: Inbox, postgres: Server) -> None:
    """A delivery that does not fit is not acknowledged, and those that did are drained."""
    spool_while_away(spool, postgres, "a")
    with postgres.stopped(), processes.file_size_limit(400_000):
        with pytest.raises(StoreUnavailableError):
            spool.store(arrival("b", body=b"x" * 1_000_000))
        assert spool.store(arrival("c")).spooled
    assert spool.drain() == 2
    assert identities(inbox) == ["a", "c"]


def test_drained_data_is_erased_from_the_files(spool: Spool, path: str, inbox: Inbox, postgres: Server) -> None:
    """Drained data cannot be read from the spool's files."""
    seed = b"zeta.quux@example.test"
    with postgres.stopped():
        for number in range(20):
            spool.store(arrival(str(number), body=seed * 500, headers={"x-a": seed.decode()}))
    spool.drain()
    files = list(spool_files(path))
    assert files
    assert not [file for file in files if seed in file.read_bytes()]


def test_erasing_drained_data_is_tried_again(path: str, inbox: Inbox, postgres: Server) -> None:
    """A program that reads the file during the drain delays it, and no further webhook is needed to make up for it."""
    with closing(Spool(path, inbox)) as spool:
        with postgres.stopped():
            spool.store(arrival("a", b'{"email": "zaphod@example.test"}'))
            reader = sqlite3.connect(path, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM deliveries").fetchone()
        with closing(reader):
            spool.start()
            processes.wait_for(lambda: bool(identities(inbox)))
            assert b"zaphod" in content_of_files(path)
        processes.wait_for(lambda: b"zaphod" not in content_of_files(path))


def content_of_files(path: str) -> bytes:
    return b"".join(file.read_bytes() for file in Path(path).parent.iterdir() if file.is_file())


def test_files_are_readable_by_this_user_only(spool: Spool, path: str, postgres: Server) -> None:
    """Bodies hold personal data: no other user of the machine can read them."""
    spool_while_away(spool, postgres, "a")
    spool.drain()
    assert not [file for file in spool_files(path) if file.stat().st_mode & 0o077]


def spool_files(path: str) -> Iterator[Path]:
    return (file for file in Path(path).parent.iterdir() if file.is_file())


def test_accepting_goes_on_while_draining(path: str, spool: Spool, inbox: Inbox, postgres: Server) -> None:
    """New deliveries and spooled ones do not delay each other."""
    spool_while_away(spool, postgres, *(str(number) for number in range(200)))
    draining = threading.Thread(target=spool.drain)
    draining.start()
    results = [spool.store(arrival(f"later {number}")) for number in range(50)]
    draining.join()
    spool.drain()
    assert len(results) == 50
    assert len(identities(inbox)) == 250


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str, path: str) -> Callable[[str], Result]:
    """The commands, with PostgreSQL and a spool."""
    for name, value in {"SHOPS_FILE": "shops.demo.toml", "DATABASE_URL": database_url, "SPOOL": path}.items():
        monkeypatch.setenv(name, value)
    for name in ("SHOPS", "DYNO", "PORT"):
        monkeypatch.delenv(name, raising=False)
    return lambda command: CliRunner().invoke(main, [command])


def test_check_states_what_a_spool_needs(run: Callable[[str], Result]) -> None:
    """Its disk must survive restarts."""
    assert "must be on a disk that survives restarts" in run("check").output


def test_check_warns_of_a_spool_on_a_dyno(
    run: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A dyno's disk does not survive a restart."""
    monkeypatch.setenv("DYNO", "web.1")
    monkeypatch.setenv("SHOPS_FILE", str(processes.ROOT / "shops.demo.toml"))
    monkeypatch.chdir(tmp_path)
    assert "acknowledged events would be lost" in run("check").output


@pytest.mark.parametrize("command", ["check", "web"])
def test_unusable_spool_is_refused(run: Callable[[str], Result], monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """An unusable spool is found at the start, not when it is needed."""
    monkeypatch.setenv("SPOOL", "/dev/null/spool.db")
    result = run(command)
    assert result.exit_code == 1
    assert "SPOOL: /dev/null/spool.db cannot be used" in result.output
