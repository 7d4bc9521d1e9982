"""Another program holds SQLite for long: it reads in one transaction, or it holds a lock of the writers."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import time
from typing import TYPE_CHECKING

from chaos.processes import wait_for
from chaos.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from chaos.context import Context

ANSWER_WITHIN = 4.0  # seconds, on a busy machine; the receiver gives itself 2.5
BACK_WITHIN = 30.0  # seconds


def run(context: Context) -> None:
    """A long reader delays nothing; a writer's lock is answered with 503 within seconds; all goes on afterwards."""
    tweakwise = context.tweakwise()
    system = context.system(tweakwise.url)
    web, worker = system.start_web(), system.start_worker()
    file, seconds = context.folder / "inbox.db", 3.5 if context.short else 30.0
    with Traffic(system.port, senders=4, timeout=ANSWER_WITHIN, pause=context.pause(0.02)) as shop:
        wait_for(lambda: len(shop.acknowledged) > 0, BACK_WITHIN)
        with _reading(file), system.inbox() as inbox:
            until = time.monotonic() + seconds / 2
            while time.monotonic() < until:
                inbox.database.erase_deleted()
                time.sleep(0.2)
        context.expect(not shop.refusals, f"Answers during a long read: {dict(shop.refusals)}")
        for held in HELD:
            with held(file):
                time.sleep(seconds)
            enough = len(shop.acknowledged) + 4
            went_on = wait_for(lambda enough=enough: len(shop.acknowledged) > enough, BACK_WITHIN)  # type: ignore[misc]
            context.expect(went_on, f"Nothing was accepted after {held.__name__}.")
    context.expect(set(shop.refusals) == {"503"}, f"Answers while another program wrote: {dict(shop.refusals)}")
    context.expect_alive(system, web=web, worker=worker)
    context.sum_up(system, shop, tweakwise)


@contextlib.contextmanager
def _reading(file: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM deliveries").fetchone()
        yield


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(file, timeout=BACK_WITHIN, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        yield


@contextlib.contextmanager
def _suspended(file: Path) -> Iterator[None]:
    """Hold the lock file, as a process does that is suspended while it writes."""
    with file.with_name(f"{file.name}-turn").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


HELD: tuple[Callable[[Path], contextlib.AbstractContextManager[None]], ...] = (_writing, _suspended)
