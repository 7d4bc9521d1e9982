"""What is stored of a shop besides its deliveries."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from webhook_app.inbox.tables.metadata import Number, metadata

# The last result of `match` for each shop, as JSON: how many of its product keys are in its feed.
feed_check_results = Table(
    "matches",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)

# Registrations of apps that agree a secret with their shop, encrypted with SECRETS_KEY; see registrations.py.
registrations = Table(
    "registrations",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

# The orders that a platform lists, compared with the deliveries about them; stored as long as deliveries are.
platform_orders = Table(
    "platform_orders",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("business_key", String(192), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("placed_at", BigInteger, nullable=False),
    Column("identity", String(128), nullable=False),  # of the delivery that stands for its present state
    Column("reason", String(64), nullable=False),  # why it is no purchase as it is at the platform; "" if it is one
    Column("amount", String(32)),
    Column("currency", String(8), nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("ix_platform_orders_placed", "placed_at"),
    Index("ix_platform_orders_name", "name"),
    Index("ix_platform_orders_key", "business_key"),
)

# Comparisons of a shop's orders with the platform's own list, newest last.
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("shop", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("took", BigInteger, nullable=False),
    Column("listed", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("filled", Integer, nullable=False),
    Column("error", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_reconciliations_ended", "ended_at", "shop", "listed", "missing"),
)

# Where the comparison with a shop's platform is. `watermark` is on the platform's clock, the others on the database's.
reconciliation_states = Table(
    "reconciliation_states",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("watermark", BigInteger),
    Column("whole_at", BigInteger),  # when all orders of MAX_ORDER_AGE were compared last
    Column("tried_at", BigInteger, nullable=False),
    Column("complete_at", BigInteger),
    Column("failures", Integer, nullable=False),  # in a row
    Column("error", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("missing", Integer, nullable=False),  # since it began that comparisons find some
    Column("missing_total", BigInteger, nullable=False),
    Column("webhooks", Text, nullable=False),  # JSON
    Column("unfinished", Integer),  # missing ones that an attempt found which has not ended
    Column("noticed_at", BigInteger),  # when orders were missing last, or a webhook was enabled again
)
