"""The power fails: what was not flushed to the disk is lost, or half of it, or any sector of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

from chaos import postgres
from chaos.disk_checks import FILE, SPOOL, InboxCheck, MoveCheck, ServerCheck
from chaos.disk_log import DiskLog
from chaos.power_cuts import Orders, Recording, cut
from chaos.system import ROOT
from webhook_app.inbox import Inbox, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chaos.context import Context
    from chaos.power_cuts import Check

NUMBERS = itertools.count(1)
ORDERS, SHORT_ORDERS = 600, 40
CUTS = 8  # in the short form, and where two of three find something
SHARE = 4  # of the cuts: recovering a PostgreSQL takes a second
LASTS, AWAY = 4.0, 1.5  # seconds that PostgreSQL runs and does not


def run(context: Context) -> None:
    """Whenever the power fails, the inbox opens again, with all that was acknowledged and nothing that was erased."""
    cuts = CUTS if context.short else context.rounds
    _first_migration(context, cuts)
    source = _inbox(context, cuts)
    _move(context, "SQLite", source, max(cuts // SHARE, CUTS))
    _weak_inbox(context)
    if not context.short:
        _server_and_spool(context, cuts // SHARE)


def _first_migration(context: Context, cuts: int) -> None:
    """Cut the power of the migration that creates the inbox: another start works, whatever it finds."""
    disk = _made(context.folder / "first")
    log = DiskLog(context.folder, disk)
    environment = {**os.environ, **log.variables, "SHOPS": "", "DATABASE_URL": f"sqlite:///{disk / FILE}"}
    command = [sys.executable, "-m", "webhook_app", "migrate"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)  # noqa: S603 - our own
    _cut(context, "first migration", cuts, Recording(log), InboxCheck({}))


def _inbox(context: Context, cuts: int) -> str:
    """Cut the power of receiver, workers and retention on SQLite; returns the address of their inbox."""
    disk = _made(context.folder / "inbox")
    log = DiskLog(context.folder, disk)
    context.database_url = f"sqlite:///{disk / FILE}"
    shop = Orders()
    system = context.system(context.tweakwise().url, None, **log.variables)
    with _writer(log, "sweep", context.database_url):
        web, worker = system.start_web(), system.start_worker()
        for rest in reversed(range(1 if context.short else 2)):
            shop.post(system.port, itertools.islice(NUMBERS, SHORT_ORDERS if context.short else ORDERS))
            if rest:
                worker.terminate()
                web.send_signal(signal.SIGHUP)
                system.start_worker()
    system.stop()
    _cut(context, "SQLite", cuts, Recording(log, shop.ports), InboxCheck(shop.bodies))
    return context.database_url


def _move(context: Context, engine: str, source: str, cuts: int) -> None:
    """Cut the power of a move to SQLite."""
    disk = _made(context.folder / f"moved-{engine}")
    log = DiskLog(context.folder, disk)
    environment = {**os.environ, **log.variables, "SHOPS": "", "DATABASE_URL": source}
    command = [
        sys.executable,
        "-m",
        "webhook_app",
        "move",
        "--force",
        "--from",
        source,
        "--to",
        f"sqlite:///{disk / FILE}",
    ]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)  # noqa: S603 - our own
    _cut(context, f"move from {engine}", cuts, Recording(log), MoveCheck(source))


def _weak_inbox(context: Context) -> None:
    """Check that the check can fail: without flushes, orders that were acknowledged are lost."""
    disk = _made(context.folder / "weak")
    url = f"sqlite:///{disk / FILE}"
    with closing(Inbox(url)) as inbox:
        migrate.upgrade(inbox.database)
    log = DiskLog(context.folder, disk)
    with _writer(log, "weakly", url) as process:
        context.expect(process.wait(60) == 0, "The program that stores without flushes failed.")
    found = cut(Recording(log), CUTS, context.folder / "image", InboxCheck({}))
    context.figures["found with synchronous=NORMAL"] = f"{len(found)} of {CUTS}"
    context.expect(found, "The check finds nothing where nothing is flushed: it cannot fail.")


def _server_and_spool(context: Context, cuts: int) -> None:
    """Cut the power of a machine with PostgreSQL and the receiver, whose spool fills while PostgreSQL is away."""
    disk = _made(context.folder / "machine")
    _made((disk / SPOOL).parent)
    with closing(postgres.Server(disk, "fsync=on", initdb=("--wal-segsize=1",))) as server:
        context.database_url = server.address
        system = context.system(context.tweakwise().url, None, SPOOL=str(disk / SPOOL))
        server.stop()
        log = DiskLog(context.folder, disk)
        server.environment = log.variables
        system.environment |= log.variables
        server.start()
        shop = Orders()
        with _writer(log, "sweep", server.address), _restarting(server):
            system.start_web()
            system.start_worker()
            shop.post(system.port, itertools.islice(NUMBERS, ORDERS))
        system.stop()
        _move(context, "PostgreSQL", server.address, CUTS)
        server.stop()
        recording = Recording(log, shop.ports)
    context.figures["spooled"] = shop.statuses["spooled"]
    context.expect(shop.statuses["spooled"], "Nothing was spooled.")
    _cut(context, "PostgreSQL and spool", cuts, recording, ServerCheck(shop.bodies))


def _cut(context: Context, name: str, cuts: int, recording: Recording, check: Check) -> None:
    faults = cut(recording, cuts, context.folder / "image", check)
    context.figures |= {f"cuts, {name}": cuts, f"faults, {name}": len(faults)}
    context.faults += faults


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextlib.contextmanager
def _restarting(server: postgres.Server) -> Iterator[None]:
    """Kill a PostgreSQL and start it again, over and over; it runs when the block ends."""
    done = threading.Event()

    def restart() -> None:
        while not done.wait(LASTS):
            server.kill()
            time.sleep(AWAY)
            server.start()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def _writer(log: DiskLog, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run chaos.disk_writer until the block ends."""
    command = [sys.executable, "-m", "chaos.disk_writer", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **log.variables})  # noqa: S603 - our own
    try:
        yield process
    finally:
        process.kill()
        process.wait()
