"""What people do: audit events, sign-ins, jobs, privacy requests, muted findings, refused requests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from webhook_app.inbox.tables.metadata import Number, metadata

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
