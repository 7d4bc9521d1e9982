"""The inbox's tables. Times are milliseconds since 1970 UTC.

There are no foreign keys: every write touches at most the rows of one delivery, in one transaction, and the check
would cost on the path that answers a webhook.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

metadata = MetaData()

# SQLite counts up by itself only in a column of the type INTEGER, which holds 64 bits there.
Number = BigInteger().with_variant(Integer(), "sqlite")

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
    # When it may be claimed: 0 at once, else when a retry is due or a lease runs out. NULL once it is settled for good.
    Column("due_at", BigInteger),
    # How often it was claimed: the fencing token, so that a worker whose lease ran out cannot settle.
    Column("claims", Integer, nullable=False, default=0),
    # How many leases ran out in a row: a delivery that kills its worker is not tried for ever.
    Column("lapses", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("first_attempt_at", BigInteger),
    Column("settled_at", BigInteger),
    # Since when a settled delivery's body is held; NULL while it is needed and once it is wiped.
    Column("held_since", BigInteger),
    Column("business_key", String(192)),
    Column("event", String(32)),
    Column("call", Text),
    Column("answer", Text),
    # Milliseconds that the last attempt took; NULL before the first.
    Column("took", Integer),
    UniqueConstraint("shop", "identity", name="uq_deliveries_identity"),
)
_unfinished, _held = deliveries.c.due_at.is_not(None), deliveries.c.held_since.is_not(None)
# The keys of orders; those of views, which are many more, nobody looks for. Two plain comparisons, since SQLite takes a
# partial index only where the statement says the very same, and no LIKE.
ORDERS = text("business_key >= 'purchase:' AND business_key < 'purchase;'")
# Only what is unfinished has a due_at, so claiming costs the same however many rows are settled; and a shop's part of
# it is found without looking at the backlog of any other.
Index(
    "ix_deliveries_shop_due",
    deliveries.c.shop,
    deliveries.c.due_at,
    deliveries.c.id,
    sqlite_where=_unfinished,
    postgresql_where=_unfinished,
)
# Few, and looked for again and again; an index is only taken where its condition is written out, not a parameter.
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
# For a person who looks for an order; it is not touched when a webhook is accepted.
Index("ix_deliveries_business_key", deliveries.c.business_key, sqlite_where=ORDERS, postgresql_where=ORDERS)

# Apart from the rows, so that a change of state does not write four kilobytes of body again.
bodies = Table(
    "bodies",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# Which delivery sends (or sent) the call of a business key: one order is one purchase. A key that is not for good is
# free for deliveries received after `until` or so long before `since` that they end by then.
business_keys = Table(
    "business_keys",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("key", String(192), primary_key=True),
    Column("delivery_id", Number, nullable=False),
    Column("since", BigInteger),
    Column("until", BigInteger),
)

# What web processes saw and did not keep as deliveries, or would have to count: topics, refusals, secrets in use.
activity_totals = Table(
    "sightings",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
hourly_activity = Table(
    "hourly_sightings",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("platform", String(64), nullable=False),
    Column("count", BigInteger, nullable=False),
)
Index("ix_hourly_sightings_hour", hourly_activity.c.hour)

# What somebody was told, or is to be told, until it is over.
alerts = Table(
    "alerts",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("shop", String(64), nullable=False),
    Column("topic", String(128), nullable=False),
    Column("sample", BigInteger),
    Column("text", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("told", Boolean, key="notified", nullable=False),
)
# What one process at a time does for all, and until when it is that one's.
task_leases = Table(
    "turns",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

# Breaker and pace of a shop or of a Tweakwise, shared by all workers; only of those in trouble or with a limit.
throttles = Table(
    "lanes",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("pauses", Integer, nullable=False),
    Column("open_until", BigInteger),
    Column("probing", Boolean, nullable=False),
    Column("rate", Float),
    Column("rate_at", BigInteger),
    Column("next_at", Float(53), nullable=False),
)

# Attempts that failed. The one that succeeded is the delivery's own: nothing is added for what goes well.
attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Number, primary_key=True, autoincrement=False),
    # Which claim it belongs to: `attempts` starts anew after a replay, and this does not.
    Column("claim", Integer, primary_key=True, autoincrement=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("failure", String(64), nullable=False),
    Column("took", Integer, nullable=False),
)

# How many deliveries of a block of numbers are in which state: counted when somebody looks, see tallies.py.
delivery_counts = Table(
    "tallies",
    metadata,
    Column("block", BigInteger, nullable=False, index=True),
    Column("hour", BigInteger, nullable=False, index=True),  # of `received_at`, since 1970 UTC
    Column("shop", String(64), nullable=False),
    Column("platform", String(64), nullable=False),
    Column("topic", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    # Milliseconds from received to settled, of all of them together; 0 unless they are delivered.
    Column("waited", BigInteger, nullable=False),
)
counted_blocks = Table(
    "tallied",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),  # counted up by whatever changes a row that was settled
    Column("final", Boolean, nullable=False),
    Column("counted_at", BigInteger, nullable=False),
)

# What people did, and failed logins. `source` is a keyed hash of where they came from, never the address.
audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("action", String(32), nullable=False),
    Column("source", String(32), nullable=False),
    Column("session", String(32), nullable=False),
    Column("delivery_id", Number),
    Column("detail", Text, nullable=False),
)

# How well a shop's product keys fit its feed: what `match` found last, as JSON.
feed_check_results = Table(
    "matches",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)
