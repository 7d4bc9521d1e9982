"""Checks of what is left of an inbox after the power failed: it opens, is sound, and holds what was promised."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from chaos import orders, postgres
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox, migrate, transfer
from webhook_app.inbox.engines.factory import open_database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from chaos.power_cuts import Promises

    Row = tuple[str, int, str, bytes | None]

FILE = "inbox.db"
SPOOL = "spool/spool.db"
UNFINISHED = ("received", "delivering", "waiting")
ROWS = "SELECT identity, id, state, body FROM deliveries LEFT JOIN bodies ON delivery_id = id"
QUICK = ("fsync=off", "full_page_writes=off")  # this server is only looked at


class DamagedError(Exception):
    """What is left cannot be used."""


class InboxCheck:
    """Checks an inbox in SQLite."""

    def __init__(self, bodies: dict[str, str]) -> None:
        """`bodies` are the SHA-256 of what was sent, by identity."""
        self._bodies = bodies

    def __call__(self, folder: Path, promises: Promises) -> list[str]:
        """Return a sentence for each promise that is broken."""
        try:
            rows = _rows_of_file(folder / FILE) if promises.acknowledged or (folder / FILE).exists() else []
        except DamagedError as error:
            return [str(error)]
        return _broken(rows, promises, self._bodies)


class ServerCheck:
    """Checks an inbox in PostgreSQL and the spool beside it, after both lost their power together."""

    def __init__(self, bodies: dict[str, str]) -> None:
        """`bodies` are the SHA-256 of what was sent, by identity."""
        self._bodies = bodies

    def __call__(self, folder: Path, promises: Promises) -> list[str]:
        """Return a sentence for each promise that is broken."""
        try:
            spooled = _rows_of_file(folder / SPOOL) if (folder / SPOOL).exists() else []
            rows = _rows_of_server(folder)
        except DamagedError as error:
            return [str(error)]
        # What is spooled has another number, and is not erased before it is in PostgreSQL.
        unnumbered = [(identity, 0, state, body) for identity, _, state, body in spooled]
        return _broken([*rows, *unnumbered], promises, self._bodies)


class MoveCheck:
    """Checks that a move which lost its power is completed by running it again."""

    def __init__(self, source: str) -> None:
        """`source` is the address that is moved from, and that did not change."""
        self._source = source

    def __call__(self, folder: Path, promises: Promises) -> list[str]:  # noqa: ARG002 - the source is all that was promised
        """Return a sentence if the copy differs from its source."""
        with (
            closing(open_database(self._source)) as source,
            closing(open_database(f"sqlite:///{folder / FILE}")) as target,
        ):
            try:
                transfer.prepare(source, target)
                for _ in transfer.copy(source, target):
                    pass
            except StoreUnavailableError as error:
                return [f"The move cannot be run again: {error}"]
            same = transfer.contents(source) == transfer.contents(target)
        return ["The copy differs from its source"] * (not same)


def _rows_of_file(file: Path) -> list[Row]:
    """Open an inbox as the receiver does, and return its rows; raises DamagedError."""
    if not file.exists():
        raise DamagedError("There is no file, although orders were acknowledged")
    try:
        with closing(Inbox(f"sqlite:///{file}")) as inbox:
            migrate.upgrade(inbox.database)
    except StoreUnavailableError as error:
        raise DamagedError(f"It does not open: {error}") from None
    with closing(sqlite3.connect(file)) as connection:
        [(sound,)] = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if sound != "ok":
            raise DamagedError(f"It is damaged: {sound}")
        return connection.execute(ROWS).fetchall()


def _rows_of_server(folder: Path) -> list[Row]:
    """Start a server on what is left, and return the inbox's rows; raises DamagedError."""
    files = folder / "postgres"
    postgres.forget_running(files)
    _own(files)
    try:
        with closing(postgres.Server(folder, *QUICK)) as server, psycopg.connect(server.address) as connection:
            return [*map(_as_row, connection.execute(ROWS))]
    except (RuntimeError, psycopg.Error) as error:
        raise DamagedError(f"PostgreSQL: {str(error)[-500:]}") from None


def _own(files: Path) -> None:
    """Give all files to the user of the server, whom root runs it as."""
    with contextlib.suppress(LookupError):
        for path in files.rglob("*"):
            shutil.chown(path, postgres.USER)


def _as_row(row: tuple[Any, ...]) -> Row:
    identity, number, state, body = row
    return identity, number, state, None if body is None else bytes(body)


def _broken(rows: Iterable[Row], promises: Promises, bodies: dict[str, str]) -> list[str]:
    lost, faults = set(promises.acknowledged), []
    for stored, number, state, body in rows:
        identity = orders.name_of(stored)
        lost.discard(identity)
        if body is None and state in UNFINISHED:
            faults.append(f"{identity} is {state} and has no body")
        if body is not None and number in promises.erased:
            faults.append(f"{identity} was erased and is back")
        if body is not None and bodies.get(identity, "") not in ("", hashlib.sha256(body).hexdigest()):
            faults.append(f"{identity} has another body")
    return faults + [f"{len(lost)} are lost: {sorted(lost)[:3]}"] * bool(lost)
