"""Alerts: an index of what is dead, and what was told already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DEAD = sa.text("state = 'dead'")


def upgrade() -> None:
    op.create_index("ix_deliveries_dead", "deliveries", ["shop", "id"], sqlite_where=DEAD, postgresql_where=DEAD)
