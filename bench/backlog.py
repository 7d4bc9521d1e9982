"""Fills a database: one delivery is stored by the receiver's code, the others are copies with their own ids."""

from __future__ import annotations

import uuid
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, create_engine, func, insert, literal, select, text

from bench import order
from bench.receiver_setup import SHOP
from webhook_app.inbox import Inbox, NewDelivery
from webhook_app.inbox.tables import bodies, business_keys, deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

CHUNK = 5_000  # rows in one transaction
FIRST_ORDER = 10**11  # of as many digits as those that the load generator counts from


def waiting(database: str, number: int) -> None:
    """Put `number` orders in line that were never tried."""
    with _open(database) as connection:
        first = _store_one(database, _identity(0))
        row, body = (_row(connection, table, first) for table in (deliveries, bodies))
        connection.commit()
        for start in range(1, number, CHUNK):
            some = range(start, min(start + CHUNK, number))
            copies = [row | {"id": first + each, "identity": _identity(each)} for each in some]
            connection.execute(insert(deliveries), copies)
            connection.execute(insert(bodies), [_body(body, first + each, each) for each in some])
            connection.commit()
        _count_on(connection)


def settled(database: str, number: int) -> None:
    """Double what is delivered until there are about `number` rows of it, whose bodies retention has wiped.

    At least one delivery must have been delivered before. Identities are spread as those of real webhooks are.
    """
    with _open(database) as connection:
        connection.execute(deliveries.update().where(deliveries.c.due_at.is_(None)).values(held_since=None))
        connection.execute(bodies.delete())
        connection.commit()
        while (rows := _highest(connection)) < number:
            many = min(rows, number - rows)
            _double(connection, rows, many)
            connection.commit()
        _count_on(connection)


def tidy(database: str) -> None:
    """Leave nothing of what was written for the runs to clean up."""
    with _open(database) as connection:
        _count_on(connection)


def _double(connection: Connection, rows: int, many: int) -> None:
    identifier = deliveries.c.id + rows
    # An odd factor modulo a power of two: every id gives another number, and neighbours lie far apart.
    spread = cast((identifier * 2654435761) % 4294967296, String) + literal("-4b1d-a6c0-5d1f0b3c2a10")
    own = {"id": identifier, "identity": spread}
    columns = [own.get(column.name, column).label(column.name) for column in deliveries.c]
    connection.execute(
        insert(deliveries).from_select(
            [column.name for column in deliveries.c], select(*columns).where(deliveries.c.id <= many)
        )
    )
    key = literal("purchase:") + cast(identifier, String)
    new = select(deliveries.c.shop, key, identifier).where(deliveries.c.id <= many)
    connection.execute(insert(business_keys).from_select(["shop", "key", "delivery_id"], new))


def _store_one(database: str, identity: str) -> int:
    body = order.body().replace(str(order.ORDER_ID).encode(), str(FIRST_ORDER).encode())
    arrival = NewDelivery(
        shop=SHOP,
        platform="shopify",
        topic="orders/create",
        identity=identity,
        domain="bench.myshopify.com",
        headers={"x-shopify-topic": "orders/create", "x-shopify-webhook-id": identity},
        body=body,
    )
    with closing(Inbox(database)) as inbox:
        return inbox.store(arrival).id


def _body(row: dict[str, Any], number: int, each: int) -> dict[str, Any]:
    content = row["body"].replace(str(FIRST_ORDER).encode(), str(FIRST_ORDER + each).encode())
    return row | {"delivery_id": number, "body": content}


def _identity(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))


def _row(connection: Connection, table: Table, number: int) -> dict[str, Any]:
    (key,) = table.primary_key.columns
    return dict(connection.execute(select(table).where(key == number)).mappings().one())


def _highest(connection: Connection) -> int:
    return connection.scalar(select(func.max(deliveries.c.id))) or 0


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL continue counting after the assigned ids, and leave nothing for the runs to clean up."""
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence("deliveries", "id")
        connection.execute(select(func.setval(sequence, _highest(connection))))
        connection.commit()
        connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("vacuum analyze", "checkpoint"):
            connection.execute(text(statement))
    else:
        connection.commit()
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")


@contextmanager
def _open(database: str) -> Iterator[Connection]:
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
