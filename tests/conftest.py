"""What many tests start from: a clock, databases of both engines, an inbox, and the markers of each test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from hypothesis import settings

from tests.support import leftovers, opened
from tests.support.postgres import Server
from tests.support.templates import CompiledTemplates
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = ("sqlite", "postgres")
FOLDER = Path(__file__).parent
SHORTEST_FIRST = ("unit", "store", "browser", "process")
# Of each folder, so that no process works on one of these alone in the end.
LONGEST = {"test_chaos.py", "test_orders_of_any_shape.py", "test_patterns.py", "test_client.py"}
# A process that coverage measures takes twice as long to start. Those of these modules are enough.
MEASURED = {"test_gunicorn.py", "test_run.py", "test_dev.py", "test_tail.py", "test_terminal.py"}
MEASURING = "COVERAGE_PROCESS_CONFIG"
MEASURING_CONFIG = os.environ.get(MEASURING)

# Tests that were started in the background may ignore Ctrl-C, and the commands that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are shared: how long an example takes is no property of the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

Flask.jinja_options["bytecode_cache"] = CompiledTemplates()


def pytest_configure() -> None:
    """Whatever happens to this run, nothing that it started outlives it; no command uses a sandbox that runs here."""
    leftovers.guard()
    os.environ["ENV_FILE"] = os.devnull
    os.environ["SANDBOX_FOLDER"] = str(Path(tempfile.gettempdir(), f"no-sandbox-{os.getpid()}"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses a database on both engines, or on those that its marker `engines` names."""
    if "engine" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("engines")
        metafunc.parametrize("engine", marker.args if marker else ENGINES)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let coverage measure the processes of a test, or not."""
    if MEASURING_CONFIG and (item.path.parent.name not in ("process", "browser") or item.path.name in MEASURED):
        os.environ[MEASURING] = MEASURING_CONFIG
    else:
        os.environ.pop(MEASURING, None)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Close what a test has left open, after its fixtures: Python 3.13 warns of it in whichever test comes later."""
    opened.close_all()


def pytest_xdist_auto_num_workers() -> int:
    """Run five files at a time on two cores: tests with processes wait more than they work."""
    return 5 * (os.cpu_count() or 1) // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs, and begin with those that take longest, so that none is left for the end.

    `process` and `browser` come from the test's folder, `postgres` from its fixtures.
    """
    for item in items:
        folder = _folder(item)
        if folder in ("process", "browser"):
            item.add_marker(folder)
        if _needs_postgres(item):
            item.add_marker("postgres")
    items.sort(key=_takes, reverse=True)


def _takes(item: pytest.Item) -> tuple[int, bool]:
    folder = _folder(item)
    return SHORTEST_FIRST.index(folder) if folder in SHORTEST_FIRST else 0, item.path.name in LONGEST


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(FOLDER).parts[0]


def _needs_postgres(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    on_postgres = callspec is not None and callspec.params.get("engine") == "postgres"
    return on_postgres or "postgres" in getattr(item, "fixturenames", ())


class Clock:
    """A clock that does not move by itself; milliseconds since 1970 UTC."""

    def __init__(self) -> None:
        self.now = 1_795_000_000_000

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    """A clock that only the test moves."""
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server that all tests of this process share."""
    with closing(Server(leftovers.folder("postgres"))) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "inbox.db"
    with closing(Inbox(f"sqlite:///{file}")) as inbox:
        migrate.upgrade(inbox.database)
    return file


@pytest.fixture
def database_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of each engine: empty, unless the test also asks for `migrated_url` or `inbox`."""
    migrated = "migrated_url" in request.fixturenames
    if engine == "sqlite":
        file = tmp_path / "inbox.db"
        if migrated:
            shutil.copy(request.getfixturevalue("migrated_file"), file)
        yield f"sqlite:///{file}"
    else:
        server: Server = request.getfixturevalue("postgres")
        with server.migrated() if migrated else server.database() as address:
            yield address


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """The address of a migrated database of each engine."""
    return database_url


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite database, where the engine does not matter."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'sqlite.db')}"


@pytest.fixture
def inbox(migrated_url: str, clock: Clock) -> Iterator[Inbox]:
    """An empty inbox whose clock does not move; its lease is 60 seconds."""
    with closing(Inbox(migrated_url, lease=60, clock=clock)) as inbox:
        yield inbox
