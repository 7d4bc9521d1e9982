"""For the dashboard: failed attempts, how long the last one took, counts by block of numbers, and who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERS = sa.text("business_key >= 'purchase:' AND business_key < 'purchase;'")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("took", sa.Integer))
    op.create_index(
        "ix_deliveries_business_key", "deliveries", ["business_key"], sqlite_where=ORDERS, postgresql_where=ORDERS
    )
    op.create_table(
        "attempts",
        sa.Column("delivery_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("claim", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ended_at", sa.BigInteger, nullable=False),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("took", sa.Integer, nullable=False),
    )
    op.create_table(
        "tallies",
        sa.Column("block", sa.BigInteger, nullable=False, index=True),
        sa.Column("hour", sa.BigInteger, nullable=False, index=True),
        sa.Column("shop", sa.String(64), nullable=False),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("first_id", sa.BigInteger, nullable=False),
        sa.Column("last_id", sa.BigInteger, nullable=False),
        sa.Column("waited", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tallied",
        sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("final", sa.Boolean, nullable=False),
        sa.Column("counted_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False, index=True),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("session", sa.String(32), nullable=False),
        sa.Column("delivery_id", NUMBER),
        sa.Column("detail", sa.Text, nullable=False),
    )
