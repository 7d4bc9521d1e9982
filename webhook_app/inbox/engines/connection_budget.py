"""How many connections to PostgreSQL the application opens, and whether the server allows as many: pure."""

from __future__ import annotations

from dataclasses import dataclass

from webhook_app.errors import ConfigurationError
from webhook_app.inbox.engines.server_log import ADVICE

PER_PROCESS = 3  # storing and settling use group commit, one group at a time: more would wait for each other
RESERVED = 1  # of them for storing, settling and readiness: pages and other reads share the rest
PER_WORKER = PER_PROCESS + 1  # one listens for notifications
ALL_CHARACTERS = ("UTF8", "SQL_ASCII")  # encodings of a database; SQL_ASCII stores bytes as they come
MIN_VERSION = 140_000  # in the form of server_version_num

# Each column fills the field of Limits that it names.
LIMITS_QUERY = """
SELECT current_setting('server_version_num')::int AS version,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) AS of_server,
       (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user) AS of_role,
       (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()) AS of_database,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('server_encoding') AS encoding,
       current_setting('log_parameter_max_length') <> '0' AND (
           current_setting('log_statement') IN ('mod', 'all') OR current_setting('log_min_duration_statement') <> '-1'
           OR current_setting('log_min_duration_sample') <> '-1'
           OR current_setting('log_transaction_sample_rate') <> '0'
       ) AS logs_parameters
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server allows: connections in total, of the role and of the database (None: unlimited).

    `logs_parameters` is whether it may write the parameters of statements into its log.
    """

    version: int
    of_server: int
    of_role: int | None
    of_database: int | None
    synchronous_commit: str
    logs_parameters: bool = False
    encoding: str = "UTF8"

    def smallest(self) -> tuple[int, str]:
        """Return the number of connections available to this application, and which limit sets it."""
        known = ((self.of_server, "max_connections"), (self.of_role, "the role"), (self.of_database, "the database"))
        return min((limit, name) for limit, name in known if limit is not None)


def require_version(version: int) -> None:
    """Refuse a server that is too old. Raises ConfigurationError."""
    if version < MIN_VERSION:
        raise ConfigurationError([f"DATABASE_URL: PostgreSQL {version // 10_000} is too old; 14 or newer is needed"])


def warnings(limits: Limits, web_processes: int, *, pooled: bool) -> list[str]:
    """Return a sentence for each problem; `pooled`: only the pooler knows how many connections there are."""
    found = []
    if not pooled and (sentence := _too_few(limits, web_processes)):
        found.append(sentence)
    if limits.synchronous_commit == "off":
        found.append(
            "The database has synchronous_commit = off: webhooks are acknowledged before they are on disk, and a power "
            "failure may lose them. Set it to on for this role or database."
        )
    if limits.encoding not in ALL_CHARACTERS:
        found.append(
            f"The database has the encoding {limits.encoding}: webhooks and calls with characters that it lacks cannot "
            "be stored, and are tried again without end. Create one with ENCODING 'UTF8', and move there."
        )
    if limits.logs_parameters:
        found.append(ADVICE)
    return found


def fitting(limits: Limits, web_processes: int, *, by_host: bool, pooled: bool) -> int:
    """Return how many of so many web processes may run beside a worker; one at least, which is warned of.

    A number that a host chose must fit twice: hosts start the new processes of a deployment beside the old ones. One
    that a person chose must fit once, since only they know how they deploy.
    """
    available = limits.smallest()[0] // (2 if by_host else 1)
    return web_processes if pooled else max(min(web_processes, (available - PER_WORKER) // PER_PROCESS), 1)


def _too_few(limits: Limits, web_processes: int) -> str | None:
    available, name = limits.smallest()
    web = web_processes * PER_PROCESS
    if web + PER_WORKER <= available:
        return None
    fitting = (available - PER_WORKER) // PER_PROCESS
    lower = f"Set WEB_CONCURRENCY={fitting}, raise" if fitting > 0 else "Raise"
    return (
        f"The database allows {available} connections ({name}), but web may open {web} "
        f"(WEB_CONCURRENCY={web_processes}, {PER_PROCESS} each) and a worker {PER_WORKER}. {lower} the limit, or put a "
        "pooler in between (DATABASE_POOLER=transaction)."
    )
