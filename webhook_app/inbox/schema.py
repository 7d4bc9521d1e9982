"""The schema that the code needs (tables), compared with the one that a database has.

A revision number is no evidence that all is there: a database of an early version may have been made by a migration
that was completed later.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import DropIndex

from webhook_app.inbox.tables import bodies, business_keys, deliveries, metadata, privacy_requests, refused_requests

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy import Connection, TextClause

# One statement for all tables: probes and pages ask for this every few seconds.
COLUMNS = {
    "sqlite": text(
        "SELECT m.name AS table_name, c.name AS column_name "
        "FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    ),
    "postgresql": text(
        "SELECT c.relname AS table_name, a.attname AS column_name FROM pg_class AS c "
        "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid) AND c.relnamespace <> 'pg_catalog'::regnamespace"
    ),
}
INDEXED_COLUMNS = {
    "sqlite": text(
        "SELECT m.name AS index_name, c.name AS column_name "
        "FROM sqlite_master AS m JOIN pragma_index_info(m.name) AS c WHERE m.type = 'index' ORDER BY m.name, c.seqno"
    ),
    "postgresql": text(
        "SELECT c.relname AS index_name, a.attname AS column_name FROM pg_index AS i "
        "JOIN pg_class AS c ON c.oid = i.indexrelid "
        "CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place) "
        "JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
        "WHERE k.place <= i.indnkeyatts AND pg_table_is_visible(c.oid) "
        "AND c.relnamespace <> 'pg_catalog'::regnamespace ORDER BY c.relname, k.place"
    ),
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function that PostgreSQL must have; `sql` creates it."""

    name: str
    sql: str


# PostgreSQL caches the plan of a prepared statement, also one from when the table was small enough to be scanned. A
# statement of the hot path that is its own transaction cannot forbid that; a function can.
DELIVERY_KNOWN_AS = Function(
    "delivery_known_as",
    "CREATE OR REPLACE FUNCTION delivery_known_as(of_shop text, of_identity text) RETURNS bigint "
    "LANGUAGE plpgsql STABLE SET enable_seqscan = off "
    "AS 'BEGIN RETURN (SELECT id FROM deliveries WHERE shop = of_shop AND identity = of_identity); END'",
)
FUNCTION_EXISTS = text("SELECT to_regproc(:name) IS NOT NULL")


HAS_NO_STATISTICS = text(
    "SELECT attstattarget = 0 FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = :column"
)
IS_VACUUMED_SOON = text(
    "SELECT coalesce('autovacuum_vacuum_threshold=200' = ANY (reloptions), false) FROM pg_class "
    "WHERE oid = to_regclass(:table) AND :column = ''"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a table, or of a column, in PostgreSQL; `present` selects whether it is there, `sql` makes it."""

    name: str
    table: str
    column: str
    present: TextClause
    sql: tuple[str, ...]


def _no_statistics(column: Column[object]) -> Setting:
    """Store no sample of a column's values beside it: ANALYZE would, until its next run.

    Changing the type, to the same one, deletes the sample that is there; it rewrites nothing.
    """
    table, name, kind = column.table.name, column.name, column.type.compile(postgresql.dialect())  # type: ignore[no-untyped-call]
    change = f"ALTER TABLE {table} ALTER COLUMN {name}"
    return Setting(
        f"{table}.{name}: no statistics",
        table,
        name,
        HAS_NO_STATISTICS,
        (f"{change} SET STATISTICS 0", f"{change} TYPE {kind}"),
    )


def _vacuumed_soon(table: Table) -> Setting:
    """Let autovacuum remove deleted rows when there are a few hundred, instead of a fifth of the table."""
    own = {"autovacuum_vacuum_scale_factor": "0.01", "autovacuum_vacuum_threshold": "200"}
    options = ", ".join(f"{prefix}{name} = {value}" for prefix in ("", "toast.") for name, value in own.items())
    return Setting(
        f"{table.name}: autovacuum",
        table.name,
        "",
        IS_VACUUMED_SOON,
        (f"ALTER TABLE {table.name} SET ({options})",),
    )


SETTINGS = (
    *map(_no_statistics, (bodies.c.headers, bodies.c.body, deliveries.c.call, deliveries.c.answer)),
    *map(_no_statistics, (privacy_requests.c.subject, refused_requests.c.headers, refused_requests.c.body)),
    *map(_vacuumed_soon, (bodies, deliveries)),
)

IN_USE = {table.name for table in (deliveries, bodies, business_keys)}
Item = Table | Column[object] | Index | Function | Setting


def is_usable(connection: Connection) -> bool:
    """Return whether all is there without which statements fail; indexes are not looked at."""
    return not [*_missing_columns(connection), *_missing_functions(connection)]


def missing(connection: Connection) -> list[Item]:
    """Return the tables, columns and indexes that the database lacks; an index with other columns is lacking too."""
    items = [*_missing_columns(connection)]
    absent = {item for item in items if isinstance(item, Table)}
    indexes, settings = _missing_indexes(connection, absent), _missing_settings(connection, absent)
    return [*items, *indexes, *_missing_functions(connection), *settings]


def complete(connection: Connection) -> list[str]:
    """Create what is missing, in the open transaction; returns it in words."""
    from alembic.operations import Operations  # noqa: PLC0415 - see migrate.py
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415 - the same

    items = missing(connection)
    operations = Operations(MigrationContext.configure(connection))
    for item in sorted(items, key=_is_in_use):  # those that are in use last
        if isinstance(item, Column):
            operations.add_column(item.table.name, item)
        elif isinstance(item, Index):
            connection.execute(DropIndex(item, if_exists=True))
            item.create(connection)
        elif isinstance(item, Function):
            connection.execute(text(item.sql))
        elif isinstance(item, Table):
            item.create(connection)
    for setting in sorted(_missing_settings(connection), key=_is_in_use):  # of new tables too
        for statement in setting.sql:
            connection.execute(text(statement))
    return [describe(item) for item in items]


def _is_in_use(item: Item) -> bool:
    """Return whether webhooks or calls use its table, which is locked from its change until the transaction ends."""
    changed = item.table if isinstance(item, Column | Index | Setting) else None
    return str(changed) in IN_USE


def describe(item: Item) -> str:
    """Return the kind and the name of an item, as the database has it."""
    if isinstance(item, Column):
        return f"column {item.table.name}.{item.name}"
    return f"{type(item).__name__.lower()} {item.name}"


def _missing_columns(connection: Connection) -> Iterator[Item]:
    there: defaultdict[str, set[str]] = defaultdict(set)
    for row in connection.execute(COLUMNS[connection.dialect.name]):
        there[row.table_name].add(row.column_name)
    for table in metadata.sorted_tables:
        if table.name not in there:
            yield table
        else:
            yield from (column for column in table.columns if column.name not in there[table.name])


def _missing_functions(connection: Connection) -> Iterator[Function]:
    if connection.dialect.name != "postgresql":
        return
    if not connection.execute(FUNCTION_EXISTS, {"name": DELIVERY_KNOWN_AS.name}).scalar_one():
        yield DELIVERY_KNOWN_AS


def _missing_settings(connection: Connection, absent: Collection[Table] = ()) -> list[Setting]:
    """Return the settings that tables lack, without tables that are `absent`."""
    if connection.dialect.name != "postgresql":
        return []
    names = {table.name for table in absent}
    there = [one for one in SETTINGS if one.table not in names]
    return [one for one in there if not _is_there(connection, one)]


def _is_there(connection: Connection, setting: Setting) -> bool:
    values = {"table": setting.table, "column": setting.column}
    return bool(connection.execute(setting.present, values).scalar())


def _missing_indexes(connection: Connection, absent: Collection[Table]) -> Iterator[Index]:
    """Yield the indexes that tables lack, without tables that are `absent`."""
    there: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(INDEXED_COLUMNS[connection.dialect.name]):
        there[row.index_name].append(row.column_name)
    for table in metadata.sorted_tables:
        if table not in absent:
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                if there.get(str(index.name)) != [column.name for column in index.columns]:
                    yield index
