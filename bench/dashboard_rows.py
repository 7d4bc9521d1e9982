"""Fills a database for the dashboard: a month of deliveries of many shops, and the orders that their platforms list."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, case, cast, func, insert, literal, select, text, update

from bench import backlog, order, receiver_setup
from webhook_app.inbox import Inbox, NewDelivery, Settlement, State
from webhook_app.inbox.counting import activity
from webhook_app.inbox.counting.activity import ActivityCount, ActivityKind
from webhook_app.inbox.tables import deliveries, platform_orders, reconciliations
from webhook_app.time_units import DAY, HOUR, MINUTE
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement

DAYS = 30
ORDER = "100000000000000"  # is in none of the deliveries
RARE, OFTEN, WAITING = 49_999, 7, 499  # one in so many deliveries is dead, ignored, or waits: some of every shop


def name_of(number: int) -> str:
    """Return the name of a shop."""
    return f"shop-{number:03d}"


def document(shops: int) -> str:
    """Return the TOML of so many shops, each with access to its platform."""
    table = (
        '[shops.{name}]\nplatform = "shopify"\nsecrets = ["{secret}"]\ninstance_key = "bench001"\n'
        'domain = "{name}.myshopify.com"\n[shops.{name}.api]\nurl = "https://{name}.myshopify.com"\nclient_id = "c"\n'
    )
    return "".join(table.format(name=name_of(number), secret=f"{order.SECRET}{number}") for number in range(shops))


def fill(database: str, rows: int, shops: int, *, waiting: bool) -> None:
    """Spread deliveries over a month and over the shops, most of them delivered; `waiting`: a few wait everywhere."""
    receiver_setup.migrate(database)
    with closing(Inbox(database)) as inbox:
        _store_one(inbox)
        backlog.settled(database, rows)
        with inbox.database.write() as connection:
            connection.execute(update(deliveries).values(_spread(inbox.clock(), rows, shops, waiting=waiting)))
            connection.execute(
                text(
                    "UPDATE business_keys SET shop = d.shop, key = d.business_key FROM deliveries AS d "
                    "WHERE d.id = business_keys.delivery_id"
                )
            )
        _list_orders(inbox)
        _compare(inbox, shops)
        activity.record(inbox, [*_received(inbox.clock(), shops)])
    backlog.tidy(database)


def _store_one(inbox: Inbox) -> None:
    inbox.store(NewDelivery(name_of(0), "shopify", "orders/create", "first", "bench.example", {}, order.body()))
    [delivery] = inbox.claim({name_of(0): 1})
    values = {"ProductKeys": ["1000", "1001"], "ProfileKey": "k" * 32, "Revenue": 99.5}
    call = Call("purchase", "purchase:1", values)
    inbox.reserve([(delivery, call)])
    inbox.settle([Settlement(delivery, State.DELIVERED, call=call, attempted=True, took=40)])


def _spread(now: int, rows: int, shops: int, *, waiting: bool) -> dict[str, Any]:
    row = deliveries.c
    received = now - DAYS * DAY + row.id * (DAYS * DAY // rows)
    rare, often = row.id % RARE == 1, row.id % OFTEN == 0
    late = (row.id + 1) % (WAITING if waiting else 10 * rows) == 1
    # Neighbours belong to different shops, and a shop is as often in one state as in another.
    shop = literal("shop-") + func.substr(cast(1000 + (row.id * 7919) % shops, String), 2)
    state: ColumnElement[str] = case(
        (rare, State.DEAD), (often, State.IGNORED), (late, State.WAITING), else_=State.DELIVERED
    )
    return {
        "shop": shop,
        "received_at": received,
        "settled_at": case((late, None), else_=received + 100 + row.id * 7 % 900),
        "state": state,
        "due_at": case((late & ~rare & ~often, now + DAY), else_=None),
        "reason": case((rare, "http_422"), (often, "already_counted"), (late, "http_503"), else_=""),
        "business_key": literal("purchase:") + cast(row.id, String),
        "topic": case((often, "orders/paid"), else_="orders/create"),
        "order_name": "",
    }


def _list_orders(inbox: Inbox) -> None:
    """List an order for each delivery that is not a repetition."""
    row = deliveries.c
    values = {
        "shop": row.shop,
        "business_key": row.business_key,
        "name": literal("#") + cast(row.id, String),
        "placed_at": row.received_at,
        "identity": literal("backfill:") + cast(row.id, String),
        "reason": literal(""),
        "amount": literal("99.50"),
        "currency": literal("EUR"),
        "seen_at": row.received_at,
    }
    chosen = select(*(value.label(name) for name, value in values.items())).where(row.id % OFTEN != 0)
    with inbox.database.write() as connection:
        connection.execute(insert(platform_orders).from_select([*values], chosen))


def _compare(inbox: Inbox, shops: int) -> None:
    """Store a comparison of each shop for every quarter of an hour."""
    now, step = inbox.clock(), 15 * MINUTE
    for first in range(now - DAYS * DAY, now, DAY):
        rows = [
            {"shop": name_of(number), "kind": "changes", "since": at - step, "until": at, "ended_at": at, "took": 900}
            | {"listed": 3, "received": 3, "waiting": 0, "missing": 0, "filled": 0, "error": "", "detail": ""}
            for at in range(first, min(first + DAY, now), step)
            for number in range(shops)
        ]
        with inbox.database.write() as connection:
            connection.execute(insert(reconciliations), rows)


def _received(now: int, shops: int) -> Iterator[ActivityCount]:
    for hour in range(now - DAYS * DAY, now, HOUR):
        for number in range(shops):
            for topic in ("orders/create", "orders/paid"):
                yield ActivityCount(name_of(number), "shopify", ActivityKind.TOPIC, topic, 3, hour, hour)
            yield ActivityCount(name_of(number), "shopify", ActivityKind.ACCEPT, "5", 6, hour, hour)


def check(inbox: Inbox, rows: int) -> None:
    """Raise ValueError where not all rows are there after the run."""
    with inbox.database.read() as connection:
        found = connection.execute(select(func.count()).select_from(deliveries)).scalar_one()
    if found < rows:
        raise ValueError(f"{found} of {rows} deliveries are stored")
