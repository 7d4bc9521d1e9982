"""The files of an SQLite store are moved, deleted and replaced under load, the way operators and scripts do it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from chaos.processes import wait_for
from chaos.system import answers
from chaos.traffic import Traffic
from webhook_app.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chaos.context import Context
    from chaos.system import System

WITHIN = 30.0  # seconds
IN_FLIGHT = 3  # requests that may have been stored when the file vanished


def run(context: Context) -> None:
    """A file that is moved, replaced or loses its log is noticed: 503 until it is back, no acknowledged order lost."""
    tweakwise = context.tweakwise()
    folder = context.folder / "data"
    folder.mkdir()
    system = context.system(tweakwise.url, folder=folder)
    web, worker = system.start_web(), system.start_worker()
    changes = CHANGES * (1 if context.short else 5)
    with Traffic(system.port, senders=IN_FLIGHT, pause=0.02) as shop:
        for change in changes:
            time.sleep(0.3)
            change(context, system, folder / "inbox.db", shop)
            enough = len(shop.acknowledged) + 2 * IN_FLIGHT
            went_on = wait_for(lambda enough=enough: len(shop.acknowledged) > enough, WITHIN)  # type: ignore[misc]
            context.expect(went_on, f"Nothing was accepted after {change.__name__}.")
    context.figures["changes"] = len(changes)
    context.expect(set(shop.refusals) <= {"503"}, f"Answers: {dict(shop.refusals)}")
    context.expect_alive(system, web=web, worker=worker)
    context.sum_up(system, shop, tweakwise)


def _move_away(context: Context, system: System, file: Path, shop: Traffic) -> None:
    away = file.parent.with_name("away")
    away.mkdir()
    for one in file.parent.glob("inbox.db*"):
        one.rename(away / one.name)
    before = len(shop.acknowledged)
    noticed = wait_for(lambda: not answers(f"{system.url}/readyz"), WITHIN)
    time.sleep(0.5)
    context.expect(noticed, "/readyz answers 200 without a database.")
    context.expect(len(shop.acknowledged) <= before + IN_FLIGHT, "Orders were acknowledged without a database.")
    context.expect(not file.exists(), "An empty database was made.")
    for one in away.iterdir():
        one.rename(file.parent / one.name)
    away.rmdir()


def _delete_log(_context: Context, _system: System, file: Path, _shop: Traffic) -> None:
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _delete_index(_context: Context, _system: System, file: Path, _shop: Traffic) -> None:
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)


def _replace(_context: Context, system: System, file: Path, _shop: Traffic) -> None:
    """Move a complete copy over the file, while no process writes; the old log stays beside it."""
    copy = file.with_name("copy")
    with system.inbox() as inbox, contextlib.suppress(StoreUnavailableError), inbox.database.write():
        with (
            contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        copy.rename(file)


CHANGES: tuple[Callable[[Context, System, Path, Traffic], None], ...] = (
    _move_away,
    _delete_log,
    _delete_index,
    _replace,
)
