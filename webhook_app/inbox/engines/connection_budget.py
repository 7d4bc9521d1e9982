"""How many connections to PostgreSQL this application may open, and whether the server has as many: pure."""

from __future__ import annotations

from dataclasses import dataclass

from webhook_app.errors import ConfigurationError

PER_PROCESS = 3  # keeping and settling are done in groups, one at a time: more would wait for each other
PER_WORKER = PER_PROCESS + 1  # one listens
OLDEST_VERSION = 140_000  # as server_version_num says it

ASK = """
SELECT current_setting('server_version_num')::int,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0),
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user),
       (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
       current_setting('synchronous_commit')
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server allows, in the order of ASK; connections in all, of the role, of the database (None: all)."""

    version: int
    of_server: int
    of_role: int | None
    of_database: int | None
    synchronous_commit: str

    def smallest(self) -> tuple[int, str]:
        """Return how many connections there are for this application at the most, and what says so."""
        known = ((self.of_server, "max_connections"), (self.of_role, "the role"), (self.of_database, "the database"))
        return min((limit, name) for limit, name in known if limit is not None)


def require_version(version: int) -> None:
    """Refuse a server that is too old. Raises ConfigurationError."""
    if version < OLDEST_VERSION:
        raise ConfigurationError([f"DATABASE_URL: PostgreSQL {version // 10_000} is too old; 14 or newer is needed"])


def warnings(limits: Limits, web_processes: int, *, pooled: bool) -> list[str]:
    """Return a sentence for whatever will not go well; `pooled`: only a pooler knows how many connections there are."""
    found = []
    if not pooled and (sentence := _too_few(limits, web_processes)):
        found.append(sentence)
    if limits.synchronous_commit == "off":
        found.append(
            "The database has synchronous_commit = off: webhooks are acknowledged before they are on disk, and a power "
            "failure may lose them. Set it to on for this role or database."
        )
    return found


def _too_few(limits: Limits, web_processes: int) -> str | None:
    room, name = limits.smallest()
    web = web_processes * PER_PROCESS
    if web + PER_WORKER <= room:
        return None
    fitting = (room - PER_WORKER) // PER_PROCESS
    lower = f"Set WEB_CONCURRENCY={fitting}, raise" if fitting > 0 else "Raise"
    return (
        f"The database allows {room} connections ({name}), but web may open {web} (WEB_CONCURRENCY={web_processes}, "
        f"{PER_PROCESS} each) and a worker {PER_WORKER}. {lower} the limit, or put a pooler in between "
        "(DATABASE_POOLER=transaction)."
    )
