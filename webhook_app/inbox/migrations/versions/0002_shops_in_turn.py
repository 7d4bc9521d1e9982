"""Claiming goes shop by shop, so that no shop's backlog holds up another."""

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
        ["shop", "due_at"],
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )
