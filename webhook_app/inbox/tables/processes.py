"""What processes share: throttles, leases and positions of tasks, active alerts, keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, String, Table, Text

from webhook_app.inbox.tables.metadata import metadata

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

# Random keys, made when they are first needed; processes of one inbox share them.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("key", String(64), nullable=False),
)

# How far a task went that goes through all deliveries once, in the order of their numbers.
task_positions = Table(
    "task_positions",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
