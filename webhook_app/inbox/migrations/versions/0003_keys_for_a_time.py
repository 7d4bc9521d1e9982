"""A business key may be taken for a time: the same view within a few seconds is one view."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("business_keys", sa.Column("since", sa.BigInteger))
    op.add_column("business_keys", sa.Column("until", sa.BigInteger))
