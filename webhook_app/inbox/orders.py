"""Orders of deliveries: how they are found by id, number or name, and how their numbers are read from stored bodies.

The worker stores the number when it settles a delivery. What it has not settled, because no worker runs, a breaker is
open, or the delivery is older than this feature, is read here, in steps and once.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from webhook_app.inbox import hot_statements, records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import HAS_ORDER_NAME, ORDERS, bodies, deliveries, task_positions
from webhook_app.platforms.base import CHECKOUT_REPORTS
from webhook_app.tweakwise.call import PURCHASE, purchase_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement

    from schemas.order_reference import OrderReference
    from webhook_app.inbox.delivery import Row
    from webhook_app.inbox.store import Inbox

    # Of a platform's name, a topic and a body; None where it names no order.
    ReferenceOf = Callable[[str, str, bytes], OrderReference | None]

TASK = "order_names"
STEP = 50  # bodies a transaction; each may have MAX_BODY bytes
MOST_REPORTS = 20  # of one order
SCAN = 20_000  # numbers that are searched for them at a time
GAP = 1000  # numbers below the highest that are looked at again: PostgreSQL may commit a number after a higher one
# Shopify's global id and its pages, and WooCommerce's pages in its old and new place.
COPIED = re.compile(r"gid://shopify/Order/(\d+)|/orders/(\d+)|[?&](?:post|id)=(\d+)", re.IGNORECASE)
LEADING = re.compile(r"\A(?:order(?=[\s#]))?\s*#?\s*", re.IGNORECASE)
REST = 2.0  # times as long as a step took; webhooks are stored and translated meanwhile
STORE_NAME = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("number"), deliveries.c.order_name.is_(None))
    .values(
        order_name=bindparam("name"),
        business_key=func.coalesce(deliveries.c.business_key, bindparam("key", type_=deliveries.c.business_key.type)),
    )
)


def order_id(business_key: str | None) -> str | None:
    """Return the id of the order that a delivery is about, by its business key."""
    return business_key.removeprefix(PURCHASE) if business_key and business_key.startswith(PURCHASE) else None


def spellings(order: str) -> tuple[str, ...]:
    """Return how an order's id, number or name may be stored: without and with #, and in other cases of letters.

    What people copy has more around it: an address of the platform's administration, a global id, the word "order".
    """
    text = order.strip()
    if copied := COPIED.search(text):
        text = next(filter(None, copied.groups()))
    bare = LEADING.sub("", text.removeprefix(PURCHASE)).strip()
    words = dict.fromkeys((bare, bare.replace(" ", ""), bare.upper(), bare.lower(), bare.capitalize()))
    return tuple(f"{sign}{word}" for word in words for sign in ("", "#") if word)


def is_about(order: str) -> ColumnElement[bool]:
    """The condition that a delivery is about an order, given by id, number or name; each is found by an index."""
    row, names = deliveries.c, spellings(order)
    by_id = select(row.id).where(ORDERS, row.business_key.in_([purchase_key(name) for name in names]))
    by_name = select(row.id).where(HAS_ORDER_NAME, row.order_name.in_(names))
    return row.id.in_(by_id.union(by_name))


def row_is_about(row: Row, order: str) -> bool:
    """Return whether a stored delivery is about an order, given by id, number or name."""
    names = spellings(order)
    return order_id(row.business_key) in names or row.order_name in names


@dataclass(frozen=True, slots=True)
class OrderReport:
    """A delivery about an order; `body` is None once wiped."""

    id: int
    topic: str
    domain: str
    received_at: int
    state: str
    reason: str
    body: bytes | None


def withdrawn(inbox: Inbox, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of `keys` (shop and business key) whose order was reported as cancelled, or the like."""
    rows = [{"shop": shop, "key": key} for shop, key in keys]
    if not rows:
        return set()
    with inbox.database.read(hot=True) as connection:
        return {(shop, key) for shop, key in hot_statements.WITHDRAWN_ORDERS.run(connection, rows)}


def reports(inbox: Inbox, shop: str, key: str) -> list[OrderReport]:
    """Return the deliveries of a shop about the order with that business key, newest first, up to MOST_REPORTS."""
    row = deliveries.c
    query = select(*(row[name] for name in ("id", "topic", "domain", "received_at", "state", "reason")), bodies.c.body)
    query = query.outerjoin(bodies, bodies.c.delivery_id == row.id).where(ORDERS, row.business_key == key)
    # What visitors report is no state of the order, and any number of them could be forged.
    query = query.where(row.shop == shop, row.topic != CHECKOUT_REPORTS).order_by(row.id.desc()).limit(MOST_REPORTS)
    with inbox.database.read() as connection:
        return records.read(connection, OrderReport, query)


def read_names(inbox: Inbox, reference_of: ReferenceOf, within: float, *, rest: float = REST) -> int:
    """Read the orders of deliveries whose body was not read yet, for up to `within` seconds; returns how many bodies.

    Raises StoreUnavailableError. Where it stopped is stored, and the next run continues there.
    """
    until, done = time.monotonic() + within, 0
    start, highest = _positions(inbox)
    position = start
    while position < highest and time.monotonic() < until:
        began = time.monotonic()
        page = _unread(inbox, position, position + SCAN)
        if len(_store_names(inbox, page, reference_of)) < len(page):
            break  # a worker is settling some of them
        done += len(page)
        position = page[-1].id if len(page) == STEP else min(position + SCAN, highest)
        start = _store_position(inbox, start, min(position, highest - GAP))
        time.sleep(min(rest * (time.monotonic() - began), max(until - time.monotonic(), 0)))
    return done


def _positions(inbox: Inbox) -> tuple[int, int]:
    """Return the number up to which all was read, and the highest."""
    done = select(task_positions.c.position).where(task_positions.c.name == TASK).scalar_subquery()
    with inbox.database.read() as connection:
        found = connection.execute(select(func.coalesce(done, 0), func.coalesce(func.max(deliveries.c.id), 0))).one()
        return int(found[0]), int(found[1])


def _unread(inbox: Inbox, after: int, last: int) -> Sequence[Any]:
    row = deliveries.c
    unread = (row.id > after) & (row.id <= last) & row.order_name.is_(None)
    query = select(row.id, row.platform, row.topic, row.business_key, bodies.c.body)
    query = query.join(bodies, bodies.c.delivery_id == row.id).where(unread).order_by(row.id).limit(STEP)
    with inbox.database.read() as connection:
        return connection.execute(query).all()


def _store_names(inbox: Inbox, page: Sequence[Any], reference_of: ReferenceOf) -> Sequence[int]:
    """Store the orders of a page; returns the numbers of the deliveries that no other session had locked."""
    found = {one.id: reference_of(one.platform, one.topic, one.body) for one in page}
    if not found:
        return ()
    lockable = select(deliveries.c.id).where(deliveries.c.id.in_(found)).order_by(deliveries.c.id)
    with inbox.database.write(durable=False) as connection:
        locked = connection.execute(lockable.with_for_update(skip_locked=True)).scalars().all()
        if locked:
            connection.execute(STORE_NAME, [_name_row(number, found[number]) for number in locked])
        return locked


def _name_row(number: int, order: OrderReference | None) -> dict[str, Any]:
    return {"number": number, "name": order.name if order else "", "key": purchase_key(order.id) if order else None}


def _store_position(inbox: Inbox, before: int, position: int) -> int:
    if position <= before:
        return before
    with inbox.database.write(durable=False) as connection:
        insert = insert_into(connection, task_positions).values(name=TASK, position=position)
        forward = task_positions.c.position < position
        index = [task_positions.c.name]
        connection.execute(
            insert.on_conflict_do_update(index_elements=index, set_={"position": position}, where=forward)
        )
    return position
