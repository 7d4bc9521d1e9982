"""Fills a PostgreSQL database as ninety days of a thousand shops leave it: rows, business keys, a week of bodies.

A quarter of the rows are orders that were delivered, a quarter repeat them and were ignored, half are views. What each
row contains was copied from one that the receiver stored. The shops' sizes follow Zipf's law.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from bench import order

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400_000
ROWS_FOR, BODIES_FOR = 90 * DAY, 7 * DAY  # the defaults of KEEP_ROWS and KEEP_BODIES
SHOPS = 1000
CHUNK = 250_000  # rows in one transaction

# A shop's number is a power of SHOPS with an even exponent: shop n gets about 1/n of what the first one gets.
_GIVEN = """
SELECT n AS id, kind, %(begin)s + (n * (%(span)s::float8 / %(rows)s))::bigint AS at, subject,
       'shop-' || lpad(floor(power(%(shops)s::float8, hashint8extended(subject, 7) / 2::float8 ^ 64 + 0.5))::text,
                       4, '0') AS shop, md5(n::text) || md5((-n)::text) AS hash
FROM generate_series(%(first)s::bigint, %(last)s) AS n, mod(n, 4) AS kind,
     LATERAL (SELECT CASE WHEN kind < 2 THEN n - kind ELSE n END AS subject) AS about
"""
_DELIVERIES = f"""
INSERT INTO deliveries (id, shop, platform, topic, identity, domain, received_at, state, reason, detail, claims,
    lapses, attempts, first_attempt_at, settled_at, held_since, business_key, event, call, took, order_name)
SELECT id, shop, 'shopify',
    CASE kind WHEN 0 THEN 'orders/create' WHEN 1 THEN 'orders/paid' ELSE 'storefront/pageview' END,
    hash, shop || '.myshopify.com', at, CASE kind WHEN 1 THEN 'ignored' ELSE 'delivered' END,
    CASE kind WHEN 1 THEN 'already_counted' ELSE '' END,
    CASE kind WHEN 1 THEN 'Delivery ' || id - 1 || ' counts this order.' ELSE '' END, 1, 0, (kind <> 1)::int,
    CASE WHEN kind <> 1 THEN at + 40 END, at + 40 + mod(id, 100), CASE WHEN at > %(held)s THEN at + 40 END,
    CASE WHEN kind < 2 THEN 'purchase:7' || lpad(subject::text, 12, '0') ELSE 'pageview:' || hash END,
    CASE kind WHEN 0 THEN 'purchase' WHEN 1 THEN NULL ELSE 'pageview' END,
    CASE kind WHEN 0 THEN '{{"ProductKeys":["8334820848333"],"ProfileKey":"' || left(hash, 32) || '","Revenue":106.61}}'
              WHEN 1 THEN NULL
              ELSE '{{"ProductKey":"8011551572211","ProfileKey":"' || left(hash, 32) || '"}}' END,
    CASE WHEN kind <> 1 THEN 19 END, CASE WHEN kind < 2 THEN '#' || subject ELSE '' END
FROM ({_GIVEN}) AS given
"""  # noqa: S608 - put together from constants
_KEYS = """
INSERT INTO business_keys (shop, key, delivery_id, since, until, address)
SELECT shop, business_key, id, CASE WHEN event = 'pageview' THEN received_at END,
    CASE WHEN event = 'pageview' THEN received_at + 5000 END, CASE WHEN event = 'purchase' THEN domain END
FROM deliveries WHERE id BETWEEN %(first)s AND %(last)s AND state = 'delivered'
"""
_BODIES = """
INSERT INTO bodies (delivery_id, headers, body)
SELECT id, CASE WHEN event = 'pageview' THEN '{}' ELSE %(headers)s END,
    CASE WHEN event = 'pageview' THEN left(%(body)s, 330)::bytea
         ELSE convert_to(replace(%(body)s, %(number)s, lpad(id::text, 12, '0')) || identity, 'utf8') END
FROM deliveries WHERE id BETWEEN %(first)s AND %(last)s AND held_since IS NOT NULL
"""


def name_of(number: int) -> str:
    """Return the name of a shop, from 1; a higher number is a smaller shop."""
    return f"shop-{number:04}"


def fill(database: str, rows: int, now: int) -> None:
    """Add `rows` deliveries to a migrated database, the last of them received at `now`, in milliseconds since 1970."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for given in _chunks(rows, now):
            with connection.transaction():
                for statement in (_DELIVERIES, _KEYS, _BODIES):
                    connection.execute(statement.encode(), given)
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('deliveries', 'id'), (SELECT max(id) FROM deliveries))"
        )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _chunks(rows: int, now: int) -> Iterator[dict[str, Any]]:
    given = {
        "rows": rows,
        "begin": now - ROWS_FOR,
        "span": ROWS_FOR,
        "held": now - BODIES_FOR,
        "shops": SHOPS,
        "body": order.body().decode(),
        "number": str(order.ORDER_ID),
        "headers": '{"x-shopify-topic": "orders/create", "x-shopify-shop-domain": "shop.myshopify.com"}',
    }
    for first in range(1, rows + 1, CHUNK):
        yield {**given, "first": first, "last": min(first + CHUNK - 1, rows)}
