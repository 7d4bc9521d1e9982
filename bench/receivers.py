"""The contestants that accept webhooks: ours, and what a good developer would write by hand."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import order
from bench.paths import RIVALS
from bench.processes import answers, environment, finish, free_port, listens, running
from bench.receiver_setup import PRESENT, Program, count_rows, migrate, settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Protocol

    class Start(Protocol):
        """Starts a receiver on a fresh database at an address, and stops it."""

        def __call__(self, database: str, folder: Path, extra: Mapping[str, str]) -> AbstractContextManager[Receiver]:
            """`extra` is added to its environment."""


PROCESSES, THREADS = 2, 8  # the receiver's own defaults, for every contestant that has processes and threads
PATH = "/webhooks/shopify/bench"


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that runs: the URL that webhooks are posted to, and its process."""

    url: str
    pid: int


@contextmanager
def ours(database: str, folder: Path, extra: Mapping[str, str], program: Program = PRESENT) -> Iterator[Receiver]:
    """Run our receiver as `python -m webhook_app web` starts it, on a database that is migrated if need be."""
    port = free_port()
    migrate(database, program)
    env = program.settings(database, PORT=str(port), BIND="127.0.0.1", **extra)
    is_ready = partial(answers, f"http://127.0.0.1:{port}/readyz")
    with running(program.command("web"), env, folder / "receiver.log", is_ready, program.folder) as process:
        yield Receiver(f"http://127.0.0.1:{port}{PATH}", process.pid)


@contextmanager
def ours_granian(database: str, folder: Path, extra: Mapping[str, str]) -> Iterator[Receiver]:
    """Run our receiver under granian, with as many processes and threads."""
    port = free_port()
    migrate(database)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "webhook_app.app:create_app"]
    sizes = ["--workers", str(PROCESSES), "--blocking-threads", str(THREADS), "--port", str(port)]
    env = settings(database, **extra)
    with _serving([*command, *sizes], env, folder, port, f"http://127.0.0.1:{port}/readyz") as receiver:
        yield receiver


def flask(module: str) -> Start:
    """Return what starts a hand-written Flask receiver under the gunicorn settings that ours has."""

    @contextmanager
    def start(database: str, folder: Path, extra: Mapping[str, str]) -> Iterator[Receiver]:
        port = free_port()
        env = environment(DATABASE=_plain(database), SECRET=order.SECRET, THREADS=str(THREADS), **extra)
        finish([sys.executable, "-m", f"bench.rivals.{module}"], env)
        with _serving([*_gunicorn(port), f"bench.rivals.{module}:app"], env, folder, port) as receiver:
            yield receiver

    return start


@contextmanager
def node(database: str, folder: Path, extra: Mapping[str, str]) -> Iterator[Receiver]:
    """Run the Node receiver; one process, as such programs are run."""
    port = free_port()
    env = environment(DATABASE=_plain(database), SECRET=order.SECRET, PORT=str(port), NODE_ENV="production", **extra)
    home = RIVALS / "node"
    command: list[str | Path] = ["node", home / "server.js"]
    with _serving(command, env, folder, port) as receiver:
        yield receiver


def stored(database: str, table: str) -> int:
    """Count the rows of a contestant's table."""
    return count_rows(database, f"select count(*) from {table}")  # noqa: S608 - the table's name is the bench's own


@contextmanager
def _serving(
    command: Sequence[str | Path], env: Mapping[str, str], folder: Path, port: int, ready: str = ""
) -> Iterator[Receiver]:
    is_ready = (lambda: answers(ready)) if ready else (lambda: listens(port))
    with running(command, env, folder / "receiver.log", is_ready) as process:
        yield Receiver(f"http://127.0.0.1:{port}{PATH}", process.pid)


def _gunicorn(port: int) -> list[str | Path]:
    """Return gunicorn's command line with the settings of our gunicorn.conf.py."""
    sizes = ["--workers", str(PROCESSES), "--worker-class", "gthread", "--threads", str(THREADS)]
    memory = ["--worker-tmp-dir", "/dev/shm"] if os.path.isdir("/dev/shm") else []  # noqa: S108, PTH112 - a heartbeat file
    place = ["--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--no-control-socket", *memory]
    return [sys.executable, "-m", "gunicorn", "--config", "bench/rivals/gunicorn_config.py", *sizes, *place]


def _plain(database: str) -> str:
    """Return what a driver expects: the path of an SQLite file, or SQLAlchemy's name of psycopg 3."""
    return database.removeprefix("sqlite:///") if database.startswith("sqlite") else database
