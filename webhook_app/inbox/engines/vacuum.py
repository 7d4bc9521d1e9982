"""Statements that remove deleted rows from the files of PostgreSQL."""

# No session waits for a plain VACUUM that leaves the end of a table alone. A full one replaces the file and locks the
# table meanwhile: this one has a few rows, and only processes that carry out privacy requests use it.
STATEMENTS = (
    "VACUUM (TRUNCATE FALSE, INDEX_CLEANUP ON) bodies",
    "VACUUM (TRUNCATE FALSE, INDEX_CLEANUP ON) deliveries",
    "VACUUM (FULL) privacy_requests",
)

# A transaction that began later cannot see what was deleted. Those of other roles are visible only to members of
# pg_read_all_stats.
OLDER_SNAPSHOTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_xmin IS NOT NULL AND xact_start <= to_timestamp(%s) AND pid <> pg_backend_pid()
"""
