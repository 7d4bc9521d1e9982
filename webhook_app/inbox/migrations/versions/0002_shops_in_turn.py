"""Claiming goes shop by shop, so that no shop's backlog holds up another; lanes hold breakers and paces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_deliveries_due", "deliveries")
    op.create_index(
        "ix_deliveries_shop_due",
        "deliveries",
        ["shop", "due_at", "id"],
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
    op.create_table(
        "lanes",
        sa.Column("name", sa.String(300), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("pauses", sa.Integer, nullable=False),
        sa.Column("open_until", sa.BigInteger),
        sa.Column("probing", sa.Boolean, nullable=False),
        sa.Column("rate", sa.Float),
        sa.Column("rate_at", sa.BigInteger),
        sa.Column("next_at", sa.Float(53), nullable=False),
    )
