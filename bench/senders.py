"""The contestants that deliver: each gets a full queue before it starts, and one process of eight threads."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import backlog, order
from bench.processes import environment, finish, free_port, listens, running
from bench.receiver_setup import PRESENT, Program, migrate

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Protocol

    class Start(Protocol):
        """Fills a queue with `number` calls to `url`, then starts what sends them, and stops it."""

        def __call__(self, url: str, number: int, folder: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
            """`folder` is where its files go."""


THREADS = 8  # the worker's own default


@contextmanager
def worker(
    database: str, url: str, folder: Path, extra: Mapping[str, str] | None = None, program: Program = PRESENT
) -> Iterator[subprocess.Popen[bytes]]:
    """Run our worker on what is in the database."""
    env = program.settings(database, TWEAKWISE_URL=url, **extra or {})
    with running(program.command("worker"), env, folder / "worker.log", folder=program.folder) as process:
        yield process


@contextmanager
def ours(url: str, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run our worker on a backlog in SQLite."""
    database = sqlite_in(folder)
    migrate(database)
    backlog.waiting(database, number)
    with worker(database, url, folder) as process:
        yield process


@contextmanager
def session_loop(url: str, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the loop without a queue."""
    env = _environment(url, number)
    with running([sys.executable, "-m", "bench.rivals.session_loop"], env, folder / "loop.log") as process:
        yield process


def celery(pool: str) -> Start:
    """Return what runs Celery with a pool of eight; what costs it time and is not needed here is off."""

    @contextmanager
    def start(url: str, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
        size = ["--pool", pool, "--concurrency", str(THREADS)]
        off = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        program = ["celery", "-A", "bench.rivals.celery_tasks", "worker", *size, *off]
        with _on_redis("celery_tasks", program, url, number, folder) as process:
            yield process

    return start


@contextmanager
def huey(url: str, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run huey's consumer with eight threads."""
    program = ["huey.bin.huey_consumer", "bench.rivals.huey_tasks.huey", "-k", "thread", "-w", str(THREADS), "-n", "-q"]
    with _on_redis("huey_tasks", program, url, number, folder) as process:
        yield process


def sqlite_in(folder: Path) -> str:
    """Return the address of an SQLite file in `folder`."""
    return f"sqlite:///{folder / 'inbox.db'}"


@contextmanager
def _on_redis(tasks: str, program: list[str], url: str, number: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start Redis, enqueue, and run a consumer."""
    port = free_port()
    # Without snapshots: Redis holds its queue in memory only, which is its fastest mode.
    place: list[str | Path] = ["--bind", "127.0.0.1", "--port", str(port), "--dir", folder]
    with running(["redis-server", *place, "--save", ""], environment(), folder / "redis.log", lambda: listens(port)):
        env = {**_environment(url, number), "REDIS": f"redis://127.0.0.1:{port}/0"}
        finish([sys.executable, "-c", f"from bench.rivals.{tasks} import enqueue; enqueue()"], env)
        with running([sys.executable, "-m", *program], env, folder / "consumer.log") as process:
            yield process


def _environment(url: str, number: int) -> dict[str, str]:
    call = order.purchase()
    return environment(URL=f"{url}/api/purchase", CALL=call, NUMBER=str(number), THREADS=str(THREADS))
