"""The inbox: deliveries, their bodies, and the business keys that make one order one purchase."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("shop", sa.String(64), nullable=False),
        sa.Column("platform", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(128), nullable=False),
        sa.Column("identity", sa.String(128), nullable=False),
        sa.Column("domain", sa.String(255), nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("claims", sa.Integer, nullable=False),
        sa.Column("lapses", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("held_since", sa.BigInteger),
        sa.Column("business_key", sa.String(192)),
        sa.Column("event", sa.String(32)),
        sa.Column("call", sa.Text),
        sa.Column("answer", sa.Text),
        sa.UniqueConstraint("shop", "identity", name="uq_deliveries_identity"),
    )
    for name in ("due_at", "held_since"):
        there = sa.text(f"{name} IS NOT NULL")
        index = "ix_deliveries_" + name.partition("_")[0]
        op.create_index(index, "deliveries", [name], sqlite_where=there, postgresql_where=there)
    op.create_table(
        "bodies",
        sa.Column("delivery_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "business_keys",
        sa.Column("shop", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(192), primary_key=True),
        sa.Column("delivery_id", NUMBER, nullable=False),
    )
