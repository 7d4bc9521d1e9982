"""Counts of deliveries, and of what web processes saw besides."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from webhook_app.inbox.tables.metadata import metadata

# Activity of the web processes that no delivery shows, or only by counting: topics, refusals, secrets in use.
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
Index("ix_hourly_sightings_kind", hourly_activity.c.kind, hourly_activity.c.hour)

# Counts of the deliveries of a block of numbers, made when a page asks: see statistics.py.
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
    # The sum of the milliseconds from received to settled; 0 unless they are delivered.
    Column("waited", BigInteger, nullable=False),
    Index("ix_tallies_shop_hour", "shop", "hour"),
)
counted_blocks = Table(
    "tallied",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),  # incremented by whatever changes a settled row
    Column("final", Boolean, nullable=False),
    Column("counted_at", BigInteger, nullable=False),
    # How many of its deliveries were unfinished then; NULL where new ones might still have come.
    Column("unfinished", Integer),
    # The sums over all shops as JSON, of the count at `detailed_at`; see block_details.py.
    Column("summary", Text),
    Column("detailed_at", BigInteger),
)
# Of the settled deliveries of a block, by shop and day: how many took how long, and how many attempts failed in which
# way. `name` is the upper bound in milliseconds, or the class of a failure; see block_details.py.
block_figures = Table(
    "block_figures",
    metadata,
    Column("block", BigInteger, nullable=False, index=True),
    Column("shop", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("day", Integer, nullable=False),  # since 1970 UTC
    Column("name", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Index("ix_block_figures_shop", "shop", "kind", "day"),
)
