"""Named SQL on the driver's own cursor, for the statements that every webhook and every delivery passes through.

Storing a group of four webhooks takes 0.65 ms of processor time through SQLAlchemy's expressions, and 0.34 ms so. The
texts are in hot_statements.py. A parameter is written `:name`; what is written in [[ ]] is for PostgreSQL only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    Values = Mapping[str, Any] | tuple[Any, ...]

POSTGRESQL = "postgresql"
# Groups are cut into these sizes for SQLite, so that it prepares few different statements.
SIZES = (64, 16, 4, 1)
PARAMETER = re.compile(r"(?<!:):(\w+)")
FOR_POSTGRESQL = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
NO_VALUES: Mapping[str, Any] = {}


class Statement:
    """One statement with named parameters."""

    def __init__(self, sql: str) -> None:
        """`sql` is its text for both engines."""
        self._sql = sql
        self._compiled: dict[str, Compiled] = {}
        self.columns: tuple[str, ...] = ()  # of its rows, known once it ran: psycopg takes long to describe a result

    def run(self, connection: Connection, values: Values = NO_VALUES) -> list[tuple[Any, ...]]:
        """Execute it in the open transaction; returns its rows, none where it returns nothing.

        For SQLite `values` may also be a tuple, in the order in which the text names them.
        """
        cursor = self._execute(connection, values)
        return cursor.fetchall() if self.columns else []

    def run_named(self, connection: Connection, values: Mapping[str, Any] = NO_VALUES) -> list[dict[str, Any]]:
        """Execute it in the open transaction; returns its rows by column name."""
        rows = self.run(connection, values)
        return [dict(zip(self.columns, row, strict=True)) for row in rows]

    def compiled(self, dialect: str) -> Compiled:
        """Return it as the driver of a dialect takes it."""
        if dialect not in self._compiled:
            self._compiled[dialect] = _for_postgresql(self._sql) if dialect == POSTGRESQL else _for_sqlite(self._sql)
        return self._compiled[dialect]

    def _execute(self, connection: Connection, values: Values) -> Any:
        compiled = self.compiled(connection.dialect.name)
        cursor = compiled.cursor(connection.connection)
        cursor.execute(compiled.sql, compiled.parameters(values))
        if not self.columns:
            self.columns = tuple(column[0] for column in cursor.description or ())
        return cursor


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement for one driver: its text, and how its cursor and its parameters are made."""

    sql: str
    cursor: Callable[[Any], Any]
    parameters: Callable[[Any], Any]


def _for_postgresql(sql: str) -> Compiled:
    # Parameters are sent in binary: as text, psycopg would quote every item of a list and double every byte of a body.
    text = PARAMETER.sub(r"%(\1)b", FOR_POSTGRESQL.sub(r"\1", sql))
    return Compiled(text, lambda connection: connection.cursor(binary=True), dict)


def _for_sqlite(sql: str) -> Compiled:
    text = FOR_POSTGRESQL.sub("", sql)
    order = PARAMETER.findall(text)
    return Compiled(
        PARAMETER.sub("?", text),
        lambda connection: connection.cursor(),
        lambda values: values if isinstance(values, tuple) else tuple([values[name] for name in order]),
    )


class Batch:
    """A statement over several rows at once, which it finds in a table called `given`.

    PostgreSQL takes a list for each column, so that one statement fits every number of rows. SQLite knows no lists;
    there a parameter of row 3 is called <name>_3.
    """

    def __init__(self, given: str, sql: str) -> None:
        """`given` declares the columns of that table as PostgreSQL does, in the order "name type, name type"."""
        types = dict(column.split() for column in given.split(","))
        self._names = [*types]
        self._with_lists = Statement(f"WITH given AS ({_lists(types)}){_after_given(sql)}")
        self._with_values = {size: Statement(f"WITH {_values(types, size)}{_after_given(sql)}") for size in SIZES}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Execute it for all `rows`, in their order; returns its rows."""
        if not rows:
            return []
        if takes_lists(connection):
            return self._with_lists.run(connection, {name: [row[name] for row in rows] for name in self._names})
        found: list[tuple[Any, ...]] = []
        for some in _cut(rows):
            values = tuple([row[name] for row in some for name in self._names])
            found += self._with_values[len(some)].run(connection, values)
        return found


def takes_lists(connection: Connection) -> bool:
    """Return whether a parameter may be a list."""
    return connection.dialect.name == POSTGRESQL


def _after_given(sql: str) -> str:
    """Return the statement after the definition of `given`, which further definitions may follow."""
    further = sql.lstrip().removeprefix("WITH ")
    return f" {sql}" if further == sql.lstrip() else f", {further}"


def _lists(types: Mapping[str, str]) -> str:
    lists = ", ".join(f":{name}::{kind}[]" for name, kind in types.items())
    return f"SELECT * FROM unnest({lists}) AS listed({', '.join(types)})"  # noqa: S608 - names of this module


def _values(types: Mapping[str, str], size: int) -> str:
    rows = [f"({', '.join(f':{name}_{number}' for name in types)})" for number in range(size)]
    return f"given({', '.join(types)}) AS (VALUES {', '.join(rows)})"


def _cut(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size
