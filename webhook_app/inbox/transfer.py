"""Copies an inbox to another database, page by page; a second run continues where the first stopped.

Each page is one transaction, and a page that is there already is only compared. So running it again completes a copy
that was killed, and brings over what changed in the source since.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, tuple_

from webhook_app.errors import MoveRefusedError
from webhook_app.inbox import migrate, presence, records
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import (
    block_figures,
    bodies,
    counted_blocks,
    deliveries,
    delivery_counts,
    metadata,
    refused_requests,
)
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table

    from webhook_app.inbox.engines.database import Database

    Key = tuple[Any, ...]

# Not copied, and emptied in the target: counts are made again there, and refused requests are of use for an hour.
RECOMPUTED = (delivery_counts, block_figures, counted_blocks, refused_requests)
# All others, deliveries first: they decide whether the target belongs to this source.
TABLES = tuple(table for table in metadata.tables.values() if table not in RECOMPUTED)
PAGE = 500  # rows a transaction
MAX_BYTES = 8 * 1024 * 1024  # of bodies in one page, unless one alone is larger


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a database: rows by table, deliveries by state, a checksum over numbers, states and bodies."""

    rows: Mapping[str, int]
    states: Mapping[str, int]
    checksum: str


def prepare(source: Database, target: Database, *, ignores_processes: bool = False) -> None:
    """Migrate the target, and check that moving can neither lose deliveries nor count them twice.

    Raises MoveRefusedError with what to do.
    """
    if not migrate.is_current(source):
        raise MoveRefusedError("The source holds no migrated inbox. Check its address, and run `migrate` there.")
    _refuse_leases(source)
    if not ignores_processes:
        _refuse_processes(source)
    migrate.upgrade(target)
    _refuse_others(source, target)


def size(database: Database) -> int:
    """Count all rows."""
    return sum(_counts(database).values())


def copy(source: Database, target: Database) -> Iterator[int]:
    """Copy all tables, each page in a transaction; yields the number of rows of each page."""
    for table in TABLES[1:]:
        _delete_missing(source, target, table)
    _empty_counts(target)
    for table in TABLES:
        for page in _pages(source, table):
            existing = {_key(table, row): row for row in _same(target, table, page)}
            changed = [row for row in page if existing.get(_key(table, row)) != row]
            if changed:
                _write(target, table, changed)
            yield len(page)


def _empty_counts(target: Database) -> None:
    with target.write() as connection:
        for table in RECOMPUTED:
            connection.execute(delete(table))


def contents(database: Database, progress: Callable[[int], None] = lambda _: None) -> Contents:
    """Summarise a database; `progress` is called after each page with its number of rows."""
    checksum, states = hashlib.sha256(), Counter[str]()
    for page in _pages(database, deliveries):
        states.update(row["state"] for row in page)
        checksum.update("".join(f"{row['id']} {row['state']}\n" for row in page).encode())
        progress(len(page))
    for page in _pages(database, bodies):
        for row in page:
            checksum.update(f"{row['delivery_id']} {row['headers']}\n".encode() + hashlib.sha256(row["body"]).digest())
        progress(len(page))
    return Contents(_counts(database), dict(states), checksum.hexdigest())


def _refuse_leases(source: Database) -> None:
    with source.read() as connection:
        now = source.clock()
        leased = (deliveries.c.state == State.DELIVERING) & (deliveries.c.due_at > now)
        query = select(func.count(), func.max(deliveries.c.due_at)).where(leased, deliveries.c.due_at.is_not(None))
        count, until = connection.execute(query).one()
    if count:
        seconds = -(-(until - now) // 1000)
        raise MoveRefusedError(
            f"A worker has {count} deliveries under way. Stop the workers and the receivers: they release what they "
            f"have claimed. After a kill -9, wait {seconds} s for the leases to expire. Then run this again."
        )


def _refuse_processes(source: Database) -> None:
    now = source.clock()
    if running := presence.running_on(source, now):
        seen = (now - max(one.seen_at for one in running)) // SECOND
        roles = Counter(one.role for one in running)
        raise MoveRefusedError(
            f"{', '.join(f'{count} {role}' for role, count in sorted(roles.items()))} still run on the source, or were "
            f"killed: the last was seen {max(seen, 0)} s ago. What they receive during a move may be missing in the "
            "target. Stop the receivers and the workers, and run this again; after a kill -9 add --force."
        )


def _refuse_others(source: Database, target: Database) -> None:
    """Refuse a target with deliveries that the source does not have, or that a worker claimed there since."""
    for page in _pages(target, deliveries):
        in_source = {row["id"]: row for row in _same(source, deliveries, page)}
        for row in page:
            original = in_source.get(row["id"])
            if original is None or (original["shop"], original["identity"]) != (row["shop"], row["identity"]):
                raise MoveRefusedError(
                    f"The target holds other deliveries, for example {row['id']}: use an empty database."
                )
            if original["claims"] < row["claims"]:
                raise MoveRefusedError(f"A worker has used the target since: delivery {row['id']} is newer there.")


def _counts(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in TABLES
        }


def _delete_missing(source: Database, target: Database, table: Table) -> None:
    """Delete from the target what an earlier run copied and the source no longer has, such as wiped bodies."""
    for page in _pages(target, table):
        in_source = {_key(table, row) for row in _same(source, table, page)}
        gone = [row for row in page if _key(table, row) not in in_source]
        if gone:
            with target.write() as connection:
                connection.execute(delete(table).where(_among(table, gone)))


def _write(target: Database, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    with target.write() as connection:
        connection.execute(delete(table).where(_among(table, rows)))
        connection.execute(insert(table), rows)
        if connection.dialect.name == "postgresql" and table.autoincrement_column is not None:
            _advance_sequence(connection, table.autoincrement_column)


def _advance_sequence(connection: Connection, column: Column[Any]) -> None:
    """Let new rows get higher numbers than those that were copied; SQLite does so by itself."""
    sequence = func.pg_get_serial_sequence(column.table.fullname, column.name)
    connection.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))


def _pages(database: Database, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows in the order of their keys."""
    after: Key | None = None
    while page := _page(database, table, after):
        yield page
        after = _key(table, page[-1])


def _page(database: Database, table: Table, after: Key | None) -> list[dict[str, Any]]:
    keys = [*table.primary_key.columns]
    query = select(*records.all_columns(table)).order_by(*keys)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after) if len(keys) > 1 else keys[0] > after[0])
    limit = _fitting(database, query) if table is bodies else PAGE
    return _read(database, query.limit(limit))


def _fitting(database: Database, query: Select[Any]) -> int:
    """Return how many bodies fit into one page."""
    sizes = query.with_only_columns(func.length(bodies.c.body)).limit(PAGE)
    with database.read() as connection:
        sums = accumulate(int(size) for size in connection.execute(sizes).scalars())
        return max(sum(total <= MAX_BYTES for total in sums), 1)


def _same(database: Database, table: Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that have the keys of `rows`."""
    return _read(database, select(*records.all_columns(table)).where(_among(table, rows)))


def _among(table: Table, rows: Sequence[dict[str, Any]]) -> ColumnElement[bool]:
    keys = [*table.primary_key.columns]
    wanted = [_key(table, row) for row in rows]
    return tuple_(*keys).in_(wanted) if len(keys) > 1 else keys[0].in_([key[0] for key in wanted])


def _key(table: Table, row: Mapping[str, Any]) -> Key:
    return tuple(row[column.key] for column in table.primary_key.columns)


def _read(database: Database, query: Select[Any]) -> list[dict[str, Any]]:
    with database.read() as connection:
        return [_plain(row) for row in connection.execute(query)]


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Return a row by column name, without NUL in texts, which SQLite stores and PostgreSQL refuses."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in row._mapping.items()  # noqa: SLF001 - SQLAlchemy's public name for it
    }
