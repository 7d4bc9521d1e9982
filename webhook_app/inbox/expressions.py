"""Pieces of SQLAlchemy expressions that several modules need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, case, func, literal_column
from sqlalchemy.dialects import postgresql, sqlite

from webhook_app.inbox.tables import deliveries

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Table

INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_into(connection: Connection, table: Table) -> Any:
    """Return the dialect's own insert(), which has ON CONFLICT."""
    insert: Any = INSERT[connection.dialect.name]
    return insert(table)


def waits_since() -> ColumnElement[int]:
    """Return when its age begins: when it was replayed last, or else received; not before it may be sent."""
    row = deliveries.c
    began = func.coalesce(row.replayed_at, row.received_at)
    return case((row.ready_at > began, row.ready_at), else_=began)


def literal(value: int) -> ColumnElement[Any]:
    """Write a number into a statement as a literal: an expression with a parameter never equals itself in GROUP BY."""
    return literal_column(str(value), BigInteger)  # without a type, PostgreSQL would divide by it as a float
