"""Deliveries, their bodies, business keys and failed attempts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from webhook_app.inbox.tables.metadata import Number, metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("shop", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("topic", String(128), nullable=False),
    Column("identity", String(128), nullable=False),
    Column("domain", String(255), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False, default=""),
    Column("detail", Text, nullable=False, default=""),
    # When it may be claimed: 0 immediately, else when a retry is due or the lease expires. NULL once it is settled.
    Column("due_at", BigInteger),
    # How often it was claimed: the fencing token, so that a worker whose lease expired cannot settle it.
    Column("claims", Integer, nullable=False, default=0),
    # How many leases expired in a row: a delivery that kills its worker is not tried for ever.
    Column("lapses", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("first_attempt_at", BigInteger),
    Column("settled_at", BigInteger),
    # When retention of the body of a settled delivery began; NULL while it is needed and once it is wiped.
    Column("held_since", BigInteger),
    Column("business_key", String(192)),
    Column("event", String(32)),
    Column("call", Text),
    Column("answer", Text),
    # Milliseconds that the last attempt took; NULL before the first.
    Column("took", Integer),
    # When it was replayed last; NULL if never. Its age and the time until it is delivered count from then.
    Column("replayed_at", BigInteger),
    # Since when retention counts for a row that is dated in the future, because a clock was ahead; NULL for others.
    Column("retention_from", BigInteger),
    # Until when it was not to be sent, by `purchase_after`: its age counts from then. NULL for others.
    Column("ready_at", BigInteger),
    # The number or name of the order that it is about (`#1234`), whatever became of it; "" if it has none, NULL if its
    # body was not read yet. The order's id is in business_key.
    Column("order_name", String(64)),
    UniqueConstraint("shop", "identity", name="uq_deliveries_identity"),
)
_unfinished, _held = deliveries.c.due_at.is_not(None), deliveries.c.held_since.is_not(None)
# The keys of orders; those of pageviews, which are many more, are never searched for. Two plain comparisons: SQLite
# uses a partial index only where the statement has the same condition, and never for LIKE.
ORDERS = text("business_key >= 'purchase:' AND business_key < 'purchase;'")
# Only unfinished deliveries have a due_at, so the cost of a claim does not grow with the settled ones; and the
# deliveries of a shop are found without reading the backlog of others.
Index(
    "ix_deliveries_shop_due",
    deliveries.c.shop,
    deliveries.c.due_at,
    deliveries.c.id,
    sqlite_where=_unfinished,
    postgresql_where=_unfinished,
)
# Few, and read often; a partial index is only used where its condition is a literal, not a parameter.
IS_DEAD = deliveries.c.state == literal_column("'dead'")
Index(
    "ix_deliveries_dead",
    deliveries.c.shop,
    deliveries.c.settled_at,
    deliveries.c.id,
    sqlite_where=IS_DEAD,
    postgresql_where=IS_DEAD,
)
Index("ix_deliveries_held", deliveries.c.held_since, sqlite_where=_held, postgresql_where=_held)
# For searching an order; storing a webhook does not write to it.
Index("ix_deliveries_business_key", deliveries.c.business_key, sqlite_where=ORDERS, postgresql_where=ORDERS)
# What says that an order is no purchase any more, or that there will be none: looked up before an order is sent.
WITHDRAWN = "reason IN ('cancelled', 'deleted', 'refunded', 'voided')"
Index(
    "ix_deliveries_withdrawn",
    deliveries.c.shop,
    deliveries.c.business_key,
    sqlite_where=text(WITHDRAWN),
    postgresql_where=text(WITHDRAWN),
)
# Reports of checkouts, of which one is enough to know that a shop sends them.
IS_CHECKOUT_REPORT = text("topic = 'storefront/checkout'")
Index(
    "ix_deliveries_checkout_reports",
    deliveries.c.shop,
    sqlite_where=IS_CHECKOUT_REPORT,
    postgresql_where=IS_CHECKOUT_REPORT,
)
HAS_ORDER_NAME = text("order_name > ''")
Index("ix_deliveries_order_name", deliveries.c.order_name, sqlite_where=HAS_ORDER_NAME, postgresql_where=HAS_ORDER_NAME)

# Separate from deliveries, so that a change of state does not write four kilobytes of body again.
bodies = Table(
    "bodies",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Which delivery sends (or sent) the call of a business key: one order is one purchase. A key with a period is free
# again for deliveries received at or after `until`, and for those whose own period ends before `since`. For
# keys by address, see business_keys.py.
business_keys = Table(
    "business_keys",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("key", String(192), primary_key=True),
    Column("delivery_id", Number, nullable=False),
    Column("since", BigInteger),
    Column("until", BigInteger),
    Column("address", String(255)),
)

# Failed attempts. A successful one is in the row of its delivery: success adds no row.
attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    # Which claim it belongs to: unlike `attempts`, it is not reset by a replay.
    Column("claim", Integer, primary_key=True, autoincrement=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("failure", String(64), nullable=False),
    Column("took", Integer, nullable=False),
)
