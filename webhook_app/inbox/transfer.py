"""Moving everything from one database to another, page by page; run again, it goes on where it stopped.

Each page is one transaction, and a page that is there already is only compared. So whatever was killed in the middle,
or changed meanwhile, is put right by running it once more.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, text, tuple_

from webhook_app.errors import MoveRefusedError
from webhook_app.inbox import migrate
from webhook_app.inbox.states import State
from webhook_app.inbox.tables import (
    activity_totals,
    attempts,
    audit,
    bodies,
    business_keys,
    counted_blocks,
    deliveries,
    delivery_counts,
    hourly_activity,
    throttles,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row, Select, Table

    from webhook_app.inbox.engines.database import Database

    Key = tuple[Any, ...]

TABLES = (deliveries, bodies, business_keys, throttles, activity_totals, hourly_activity, attempts, audit)
PAGE = 500  # rows a transaction
MOST_BYTES = 8 * 1024 * 1024  # of bodies in one page, unless one alone is larger

# What is kept from then on must get higher numbers than what was moved.
NUMBER_ON = {
    deliveries: text("SELECT setval(pg_get_serial_sequence('deliveries', 'id'), (SELECT max(id) FROM deliveries))"),
    audit: text("SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT max(id) FROM audit))"),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: rows by table, deliveries by state, and a checksum over numbers, states and bodies."""

    rows: Mapping[str, int]
    states: Mapping[str, int]
    checksum: str


def prepare(source: Database, target: Database, now: int) -> None:
    """Bring the target to the current shape, and make sure that nothing can be lost or counted twice.

    Raises MoveRefusedError with what to do.
    """
    if not migrate.is_current(source):
        raise MoveRefusedError(
            "There is no inbox of the current shape to move from: right address, `migrate` run there?"
        )
    _refuse_leases(source, now)
    migrate.upgrade(target)
    _refuse_others(source, target)


def size(database: Database) -> int:
    """Count all rows."""
    return sum(_counts(database).values())


def copy(source: Database, target: Database) -> Iterator[int]:
    """Copy everything, each page in a transaction; yields how many rows are done with, page by page."""
    for table in TABLES[1:]:
        _take_out(source, target, table)
    _forget_counts(target)
    for table in TABLES:
        for page in _pages(source, table):
            there = {_key(table, row): row for row in _same(target, table, page)}
            changed = [row for row in page if there.get(_key(table, row)) != row]
            if changed:
                _write(target, table, changed)
            yield len(page)


def _forget_counts(target: Database) -> None:
    """Whoever looks next counts anew."""
    with target.writing() as connection:
        connection.execute(delete(delivery_counts))
        connection.execute(delete(counted_blocks))


def contents(database: Database, seen: Callable[[int], None] = lambda _: None) -> Contents:
    """Look at everything; `seen` is told after each page how many rows it had."""
    checksum, states = hashlib.sha256(), Counter[str]()
    for page in _pages(database, deliveries):
        states.update(row["state"] for row in page)
        checksum.update("".join(f"{row['id']} {row['state']}\n" for row in page).encode())
        seen(len(page))
    for page in _pages(database, bodies):
        for row in page:
            checksum.update(f"{row['delivery_id']} {row['headers']}\n".encode() + hashlib.sha256(row["body"]).digest())
        seen(len(page))
    return Contents(_counts(database), dict(states), checksum.hexdigest())


def _refuse_leases(source: Database, now: int) -> None:
    leased = (deliveries.c.state == State.DELIVERING) & (deliveries.c.due_at > now)
    with source.reading() as connection:
        query = select(func.count(), func.max(deliveries.c.due_at)).where(leased, deliveries.c.due_at.is_not(None))
        count, until = connection.execute(query).one()
    if count:
        seconds = -(-(until - now) // 1000)
        raise MoveRefusedError(
            f"A worker has {count} deliveries under way. Stop the workers and the receivers: they give back what they "
            f"hold. After a kill -9, wait {seconds} s for the leases to run out. Then run this again."
        )


def _refuse_others(source: Database, target: Database) -> None:
    """Refuse a target with deliveries that the source does not have, or that were worked on there since."""
    for page in _pages(target, deliveries):
        there = {row["id"]: row for row in _same(source, deliveries, page)}
        for row in page:
            mine = there.get(row["id"])
            if mine is None or (mine["shop"], mine["identity"]) != (row["shop"], row["identity"]):
                raise MoveRefusedError(
                    f"The target holds other deliveries, for example {row['id']}: take an empty database."
                )
            if mine["claims"] < row["claims"]:
                raise MoveRefusedError(f"A worker has worked on the target since: delivery {row['id']} is newer there.")


def _counts(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in TABLES
        }


def _take_out(source: Database, target: Database, table: Table) -> None:
    """Delete from the target what an earlier run copied and the source has not any more, such as wiped bodies."""
    for page in _pages(target, table):
        kept = {_key(table, row) for row in _same(source, table, page)}
        gone = [row for row in page if _key(table, row) not in kept]
        if gone:
            with target.writing() as connection:
                connection.execute(delete(table).where(_among(table, gone)))


def _write(target: Database, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    with target.writing() as connection:
        connection.execute(delete(table).where(_among(table, rows)))
        connection.execute(insert(table), rows)
        if table in NUMBER_ON and connection.dialect.name == "postgresql":
            connection.execute(NUMBER_ON[table])


def _pages(database: Database, table: Table) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows in the order of their keys."""
    after: Key | None = None
    while page := _page(database, table, after):
        yield page
        after = _key(table, page[-1])


def _page(database: Database, table: Table, after: Key | None) -> list[dict[str, Any]]:
    keys = [*table.primary_key.columns]
    query = select(table).order_by(*keys)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after) if len(keys) > 1 else keys[0] > after[0])
    limit = _fitting(database, query) if table is bodies else PAGE
    return _read(database, query.limit(limit))


def _fitting(database: Database, query: Select[Any]) -> int:
    """How many bodies to read at once."""
    sizes = query.with_only_columns(func.length(bodies.c.body)).limit(PAGE)
    with database.reading() as connection:
        sums = accumulate(int(size) for size in connection.execute(sizes).scalars())
        return max(sum(total <= MOST_BYTES for total in sums), 1)


def _same(database: Database, table: Table, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that have the keys of `rows`."""
    return _read(database, select(table).where(_among(table, rows)))


def _among(table: Table, rows: Sequence[dict[str, Any]]) -> ColumnElement[bool]:
    keys = [*table.primary_key.columns]
    wanted = [_key(table, row) for row in rows]
    return tuple_(*keys).in_(wanted) if len(keys) > 1 else keys[0].in_([key[0] for key in wanted])


def _key(table: Table, row: Mapping[str, Any]) -> Key:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _read(database: Database, query: Select[Any]) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [_plain(row) for row in connection.execute(query)]


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Return a row by name, without the one character that SQLite keeps and PostgreSQL refuses."""
    return {
        name: value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value
        for name, value in row._mapping.items()  # noqa: SLF001 - SQLAlchemy's public name for it
    }
