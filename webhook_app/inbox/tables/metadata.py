"""What all tables share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

# SQLite counts up by itself only in a column of the type INTEGER, which holds 64 bits there.
Number = BigInteger().with_variant(Integer(), "sqlite")
