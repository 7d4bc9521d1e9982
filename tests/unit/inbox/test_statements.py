"""Named SQL: one text for two drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

from webhook_app.inbox.engines.statements import Batch, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TEXT = "SELECT a FROM b WHERE c = :c AND d = :d [[AND c = ANY (:list::bigint[])]] AND e < :c"


def test_postgresql_takes_parameters_by_name_in_binary() -> None:
    """What is written in double brackets is part of the text, and a cast is no parameter."""
    compiled = Statement(TEXT).compiled("postgresql")
    expected = "SELECT a FROM b WHERE c = %(c)b AND d = %(d)b AND c = ANY (%(list)b::bigint[]) AND e < %(c)b"
    assert compiled.sql == expected
    assert compiled.parameters({"c": 1, "d": 2}) == {"c": 1, "d": 2}


def test_sqlite_takes_parameters_in_order() -> None:
    """A parameter that occurs twice is given twice, and what is for PostgreSQL is left out."""
    compiled = Statement(TEXT).compiled("sqlite")
    assert compiled.sql == "SELECT a FROM b WHERE c = ? AND d = ?  AND e < ?"
    assert compiled.parameters({"c": 1, "d": 2}) == (1, 2, 1)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to an empty SQLite database."""
    engine = create_engine(f"sqlite:///{tmp_path / 'some.db'}")
    yield engine.connect()
    engine.dispose()


def test_rows_by_name(connection: Connection) -> None:
    """Rows have the names of their columns, also when there are none the first time."""
    statement = Statement("SELECT n AS number, 2 * n AS twice FROM (SELECT :n AS n) WHERE n > 0")
    with connection:
        assert statement.run_named(connection, {"n": 0}) == []
        assert statement.run_named(connection, {"n": 3}) == [{"number": 3, "twice": 6}]
        assert statement.run(connection, {"n": 3}) == [(3, 6)]


def test_insert_that_returns_nothing_at_first(connection: Connection) -> None:
    """A duplicate that comes first does not hide the rows of later inserts."""
    insert = Statement("INSERT INTO t (n) VALUES (:n) ON CONFLICT DO NOTHING RETURNING n")
    with connection:
        Statement("CREATE TABLE t (n integer PRIMARY KEY)").run(connection)
        Statement("INSERT INTO t VALUES (1)").run(connection)
        assert [insert.run(connection, {"n": n}) for n in (1, 2, 1, 3)] == [[], [(2,)], [], [(3,)]]


def test_statement_without_rows(connection: Connection) -> None:
    """A statement that returns nothing has no rows."""
    with connection:
        assert Statement("CREATE TABLE t (n integer)").run(connection) == []


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 16, 63, 64, 65, 150])
def test_batch_takes_any_number_of_rows_in_order(connection: Connection, number: int) -> None:
    """Groups are cut into sizes that SQLite has prepared; nothing is lost, doubled or reordered."""
    batch = Batch("n bigint, text text", "SELECT n, text FROM given")
    rows = [{"n": n, "text": str(n), "ignored": None} for n in range(number)]
    with connection:
        assert batch.run(connection, rows) == [(n, str(n)) for n in range(number)]


def test_batch_may_define_more_tables(connection: Connection) -> None:
    """A statement that begins with WITH adds its definitions to that of the rows."""
    batch = Batch("n bigint", "WITH twice AS (SELECT 2 * n AS n FROM given) SELECT sum(n) FROM twice")
    with connection:
        assert batch.run(connection, [{"n": 1}, {"n": 2}, {"n": 3}]) == [(2,), (4,), (6,)]
