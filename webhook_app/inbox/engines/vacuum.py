"""Removes deleted rows from the files of PostgreSQL.

A plain VACUUM makes no session wait, and leaves the bytes of deleted rows in pages until others take their place. A
full one writes the table anew, and locks it meanwhile: that is done where it takes a moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.errors import LockNotAvailable

if TYPE_CHECKING:
    from psycopg import Connection

TABLES = ("privacy_requests", "refused_requests", "bodies", "deliveries")
SMALL = 32 * 1024 * 1024  # bytes of a table with its indexes, which take a fraction of a second
# Later sessions wait behind a lock that is waited for.
LIMIT_WAITING = "SET lock_timeout = '200ms'"
SIZE = "SELECT pg_total_relation_size(%s::regclass)"
FULL = {table: f"VACUUM (FULL) {table}".encode() for table in TABLES}
PLAIN = {table: f"VACUUM (INDEX_CLEANUP ON) {table}".encode() for table in TABLES}
WAIT = "RESET lock_timeout"

# A transaction that began later cannot see what was deleted. Those of other roles are visible only to members of
# pg_read_all_stats.
OLDER_SNAPSHOTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_xmin IS NOT NULL AND xact_start <= to_timestamp(%s) AND pid <> pg_backend_pid()
"""


def remove_deleted(connection: Connection, deleted_at: int) -> bool:
    """Vacuum the tables with personal data; false while a transaction may see what was deleted then (milliseconds)."""
    if _number(connection, OLDER_SNAPSHOTS, deleted_at / 1000):
        return False
    for table in TABLES:
        if not (_number(connection, SIZE, table) < SMALL and _rewritten(connection, table)):
            connection.execute(PLAIN[table])
    return True


def _rewritten(connection: Connection, table: str) -> bool:
    """Write a table anew; false where others use it for long."""
    connection.execute(LIMIT_WAITING)
    try:
        connection.execute(FULL[table])
    except LockNotAvailable:
        return False
    finally:
        connection.execute(WAIT)
    return True


def _number(connection: Connection, query: str, value: float | str) -> int:
    row = connection.execute(query.encode(), [value]).fetchone()
    return int(row[0]) if row else 0
