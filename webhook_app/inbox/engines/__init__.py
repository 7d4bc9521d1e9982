"""The database engines: SQLite and PostgreSQL, group commit, and notifications of idle workers."""
