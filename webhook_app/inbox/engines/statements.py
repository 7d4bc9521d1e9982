"""Statements written with SQLAlchemy, compiled once for each driver and run on the driver's own cursor.

What every webhook and every delivery passes through is written so: storing a group of four webhooks takes 0.65 ms of
processor time through SQLAlchemy's Connection, and 0.34 ms without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, String, Text, any_, bindparam, column, func, literal_column, select, values
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import CTE, Column, ColumnElement, Dialect, Table
    from sqlalchemy.types import TypeEngine

# Each dialect's own insert(), which knows ON CONFLICT.
INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
# Groups are cut into these sizes, so that few statements are ever compiled.
SIZES = (64, 16, 4, 1)
NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True)
class Work:
    """An open transaction: the driver's cursor, and whose SQL it understands."""

    cursor: Any
    dialect: Dialect

    @property
    def knows_lists(self) -> bool:
        """Tell whether a parameter may be a list."""
        return self.dialect.name == "postgresql"


class Statement:
    """One statement with named parameters."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        """`build` makes it, given the dialect's own insert()."""
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def run(self, work: Work, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute it inside the open transaction; returns its rows, none where it returns nothing."""
        compiled = self._compiled.get(work.dialect.name) or self._compile(work.dialect)
        work.cursor.execute(compiled.sql, compiled.parameters(values))
        return [] if work.cursor.description is None else work.cursor.fetchall()

    def _compile(self, dialect: Dialect) -> _Compiled:
        built = self._build(INSERT[dialect.name]).compile(dialect=dialect)
        constant = {name: value for name, value in built.params.items() if value is not None}
        # Written as text, psycopg would have to quote every item of a list, and double every byte of a body.
        sql = NAMED.sub(r"%(\1)b", str(built)) if built.positiontup is None else str(built)
        self._compiled[dialect.name] = compiled = _Compiled(sql, built.positiontup, constant)
        return compiled


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What a driver is given; `order` is None where it takes parameters by name."""

    sql: str
    order: Sequence[str] | None
    constant: Mapping[str, Any]  # what the dialect adds by itself, such as an OFFSET of 0

    def parameters(self, values: Mapping[str, Any]) -> Any:
        given = {**self.constant, **values} if self.constant else values
        return dict(given) if self.order is None else tuple([given[name] for name in self.order])


class Batch:
    """A statement over several rows at once, which it finds in a table called `given`.

    PostgreSQL takes a list for each column, so that one statement fits every number of rows. SQLite knows no lists;
    there a parameter of row 3 is called <name>_3.
    """

    def __init__(
        self, columns: Sequence[Column[Any]], build: Callable[[Any, CTE], Any], at: Column[Any] | None = None
    ) -> None:
        """`columns` are those of `given`; `build` makes the statement, given the dialect's own insert() and `given`.

        `at` is the one of them by which an UPDATE finds its rows. PostgreSQL keeps the plan of a statement, also one
        that it made while the table was empty and reading all of it was cheapest; told by which numbers to look, it
        uses the index from the start.
        """
        self._columns, self._build, self._at = columns, build, at
        self._of_lists = Statement(self._with_lists)
        self._of_size = {size: Statement(partial(self._sized, size=size)) for size in SIZES}

    def run(self, work: Work, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        """Execute it for all `rows`, in their order; returns its rows."""
        if work.knows_lists:
            lists = {column.name: [row[column.name] for row in rows] for column in self._columns}
            return self._of_lists.run(work, lists) if rows else []
        found: list[tuple[Any, ...]] = []
        names = [column.name for column in self._columns]
        for some in _cut(rows):
            values = {f"{name}_{number}": row[name] for number, row in enumerate(some) for name in names}
            found += self._of_size[len(some)].run(work, values)
        return found

    def _with_lists(self, insert: Any) -> Any:
        built = self._build(insert, _lists(self._columns))
        at = self._at
        return built if at is None else built.where(at == any_(bindparam(at.name, type_=ARRAY(at.type))))

    def _sized(self, insert: Any, *, size: int) -> Any:
        data = [
            tuple(bindparam(f"{column.name}_{number}", type_=column.type) for column in self._columns)
            for number in range(size)
        ]
        named = [column(each.name, each.type) for each in self._columns]
        return self._build(insert, values(*named, name="given").data(data).cte("given"))


def adding(insert: Any, table: Table, given: CTE) -> Any:
    """Return what inserts the rows of `given`, whose columns are some of the table's."""
    # Without a condition SQLite takes the ON of an ON CONFLICT for that of a join.
    return insert(table).from_select(given.c.keys(), select(*given.c).where(fixed(1) == fixed(1)))


def _lists(columns: Sequence[Column[Any]]) -> CTE:
    lists = [bindparam(each.name, type_=ARRAY(_whole(each.type))) for each in columns]
    named = [column(each.name, each.type) for each in columns]
    listed = func.unnest(*lists).table_valued(*named, name="listed").render_derived()
    return select(*listed.c).cte("given")


def _whole(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """A cast to text of some length would cut off what is longer, and nobody would hear of it."""
    return Text() if isinstance(kind, String) else kind


def _cut(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    start = 0
    for size in SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def fixed(value: str | int) -> ColumnElement[Any]:
    """Write a word or number of ours into a statement as it stands: a parameter would have to be given each time."""
    return literal_column(str(value) if isinstance(value, int) else f"'{value}'")
