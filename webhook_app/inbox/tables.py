"""The inbox's tables. Times are milliseconds since 1970 UTC.

There are no foreign keys: every write touches at most the rows of one delivery, in one transaction, and the check
would cost on the path that answers a webhook.

Some tables and columns have older names than the code ("lanes", "sightings", "turns", "tallies", "tallied", "matches",
"told"). They keep them: during a rolling release, processes of the previous version use the same database.
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

# Active alerts; a row is deleted when the alert is over.
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
    # Whom it is for, and what alerts with the same cause have in common. NULL in rows of earlier versions.
    Column("recipient", String(80)),
    Column("cause", Text),
)
# Tasks that one process at a time does for all, and until when its lease lasts.
task_leases = Table(
    "turns",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

# Web and worker processes that run, and (role "migration") the version that last changed the schema.
processes = Table(
    "processes",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("version", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("listens", Boolean, nullable=False),
    Column("ended_at", BigInteger),
)

# Circuit breaker and rate limit of a shop or a Tweakwise address, shared by all workers; only those in use.
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

# What people did, and failed logins. `source` is a keyed hash of the client's address, never the address.
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
    # NULL in rows of earlier versions, "" for the shared password.
    Column("user_name", String(64)),
)

# Random keys, made when they are first needed; processes of one inbox share them.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("key", String(64), nullable=False),
)

# Attempts to sign in that failed or are being checked: one row for each source that has a limit of its own.
login_attempts = Table(
    "login_attempts",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("attempt", String(32), nullable=False, index=True),
    Column("source", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("login_attempts_of_source", "source", "at"),
)

# How far a task went that goes through all deliveries once, in the order of their numbers.
task_positions = Table(
    "task_positions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# Logins of the dashboard. The cookies are signed; this lists them, and ends those that have an `ended_at`.
dashboard_sessions = Table(
    "dashboard_sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("user_name", String(64)),
)

# Links to the page of a shop that open without a login. They are signed; this ends those that have an `ended_at`.
shared_pages = Table(
    "shared_pages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("shop", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("user_name", String(64), nullable=False),
)

# Findings of health checks that are muted until a time, or (NULL) until they are over.
muted_findings = Table(
    "muted_findings",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("until", BigInteger),
)

# The last result of `match` for each shop, as JSON: how many of its product keys are in its feed.
feed_check_results = Table(
    "matches",
    metadata,
    Column("shop", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("result", Text, nullable=False),
)

# Requests to erase or to list someone's deliveries that are under way; see privacy_requests.py. `subject` names a
# person, and is emptied once all deliveries were searched; the row is deleted once nothing is left in any file.
privacy_requests = Table(
    "privacy_requests",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("delivery_id", Number, unique=True),  # the request's; NULL for one of the command line
    Column("shop", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    # Deliveries up to this number were searched; since when all were.
    Column("searched_to", BigInteger, nullable=False),
    Column("searched_at", BigInteger),
    Column("number", Integer, nullable=False),
    Column("first_ids", Text, nullable=False),
    # Who works on it: as for deliveries, the number of the claim decides.
    Column("claims", Integer, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
)

# Replays and discards of many deliveries that the dashboard began; see bulk_jobs.py. `filter` (JSON) may name an order,
# and is emptied at the end; `shops` (JSON) are those whose deliveries it may change, NULL for all.
bulk_jobs = Table(
    "bulk_jobs",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("verb", String(16), nullable=False),
    Column("filter", Text, nullable=False),
    Column("shops", Text),
    Column("about", Text, nullable=False),
    Column("rate", Integer),
    # Deliveries up to this number are concerned; up to which they were changed.
    Column("last", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("total", Integer, nullable=False),  # that could be changed at the beginning
    Column("done", Integer, nullable=False),
    Column("source", String(32), nullable=False),
    Column("session", String(32), nullable=False),
    Column("user_name", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, index=True),
    Column("outcome", String(16), nullable=False),  # "" until it is over
    # Who works on it: as for deliveries, the number of the claim decides.
    Column("claims", Integer, nullable=False),
    Column("leased_until", BigInteger, nullable=False),
)

# The last requests of each shop whose signature was refused, where KEEP_REFUSED asks for them; see refused_requests.py.
refused_requests = Table(
    "refused_requests",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("shop", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("headers", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body", LargeBinary),
    Index("ix_refused_requests_shop", "shop", "id"),
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
    Column("missing", Integer, nullable=False),  # that the last complete comparison found
    Column("missing_total", BigInteger, nullable=False),
    Column("webhooks", Text, nullable=False),  # JSON
)
