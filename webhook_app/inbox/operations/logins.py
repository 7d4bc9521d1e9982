"""Logins of the dashboard: the key that signs them, attempts and their limits, and which sessions were ended."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from webhook_app.inbox import records
from webhook_app.inbox.expressions import insert_into
from webhook_app.inbox.tables import dashboard_sessions, login_attempts, signing_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from webhook_app.inbox.store import Inbox

KEY_NAME = "dashboard"
KEY = select(signing_keys.c.key).where(signing_keys.c.name == KEY_NAME)
KEY_BYTES = 32
WITHIN = 15 * 60 * 1000  # milliseconds in which attempts count
LONGEST_SESSION = 24 * 3600 * 1000  # milliseconds after which no session is accepted; its row is deleted


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A login; times are milliseconds since 1970 UTC, and `source` is a keyed hash of the client's address.

    `user_name` is "" for the shared password, None in rows of earlier versions.
    """

    id: str
    source: str
    started_at: int
    seen_at: int
    user_name: str | None


def signing_key(inbox: Inbox) -> bytes:
    """Return the random key of this inbox, which migrating or the first call makes. Raises StoreUnavailableError."""
    with inbox.database.read() as connection:
        found = connection.execute(KEY).scalar()
    if found is None:
        with inbox.database.write() as connection:
            found = make_signing_key(connection)
    return bytes.fromhex(str(found))


def make_signing_key(connection: Connection) -> str:
    """Make the key if there is none, and return it; later a full disk would keep everyone from signing in."""
    new = insert_into(connection, signing_keys).values(name=KEY_NAME, key=secrets.token_hex(KEY_BYTES))
    connection.execute(new.on_conflict_do_nothing())
    return str(connection.execute(KEY).scalar_one())


def begin_attempt(inbox: Inbox, limits: Mapping[str, int]) -> str | None:
    """Count an attempt before its password is checked; None where a source has reached its limit.

    `limits`: how many attempts of each source may fail within WITHIN. Of many attempts at once no more pass,
    since each is stored before those that are stored are counted.
    """
    attempt, now = secrets.token_hex(8), inbox.clock()
    if _over(inbox, limits, now, spare=1):
        return None
    with inbox.database.write(durable=False) as connection:
        outdated = (login_attempts.c.at <= now - WITHIN) | (login_attempts.c.at > now + WITHIN)
        connection.execute(delete(login_attempts).where(outdated))
        connection.execute(insert(login_attempts), [{"attempt": attempt, "source": one, "at": now} for one in limits])
    if not _over(inbox, limits, now):
        return attempt
    withdraw_attempt(inbox, attempt)
    return None


def withdraw_attempt(inbox: Inbox, attempt: str) -> None:
    """Forget an attempt, which was successful or was not checked. Raises StoreUnavailableError."""
    with inbox.database.write(durable=False) as connection:
        connection.execute(delete(login_attempts).where(login_attempts.c.attempt == attempt))


def _over(inbox: Inbox, limits: Mapping[str, int], now: int, spare: int = 0) -> bool:
    recent = login_attempts.c.source.in_(limits) & login_attempts.c.at.between(now - WITHIN + 1, now + WITHIN)
    query = select(login_attempts.c.source, func.count()).where(recent).group_by(login_attempts.c.source)
    with inbox.database.read() as connection:
        return any(count + spare > limits[source] for source, count in connection.execute(query).all())


def start_session(inbox: Inbox, session: str, source: str, user_name: str = "") -> None:
    """Store that someone signed in. Raises StoreUnavailableError."""
    now = inbox.clock()
    with inbox.database.write() as connection:
        connection.execute(delete(dashboard_sessions).where(dashboard_sessions.c.started_at < now - LONGEST_SESSION))
        times = {"started_at": now, "seen_at": now, "ended_at": None}
        connection.execute(insert(dashboard_sessions).values(id=session, source=source, user_name=user_name, **times))


def see_session(inbox: Inbox, session: str) -> None:
    """Store that a session is in use. Raises StoreUnavailableError."""
    seen = update(dashboard_sessions).where(dashboard_sessions.c.id == session).values(seen_at=inbox.clock())
    with inbox.database.write(durable=False) as connection:
        connection.execute(seen)


def end_session(inbox: Inbox, session: str, user_name: str | None = None) -> bool:
    """Let the cookie of a session be refused from now on; False if there is none that is open, and of `user_name`."""
    here = (dashboard_sessions.c.id == session) & dashboard_sessions.c.ended_at.is_(None)
    if user_name is not None:
        here &= dashboard_sessions.c.user_name == user_name
    with inbox.database.write() as connection:
        ended = connection.execute(update(dashboard_sessions).where(here).values(ended_at=inbox.clock()))
        return bool(ended.rowcount)


def is_ended(inbox: Inbox, session: str) -> bool:
    """Return whether a session was ended before its time. Raises StoreUnavailableError."""
    query = select(dashboard_sessions.c.ended_at).where(dashboard_sessions.c.id == session)
    with inbox.database.read() as connection:
        return connection.execute(query).scalar() is not None


def open_sessions(inbox: Inbox, idle: int) -> list[LoginSession]:
    """Return the sessions that were used in the last `idle` milliseconds and not ended, newest first."""
    query = select(*records.columns_of(LoginSession, dashboard_sessions))
    query = query.where(dashboard_sessions.c.ended_at.is_(None), dashboard_sessions.c.seen_at > inbox.clock() - idle)
    with inbox.database.read() as connection:
        return records.read(connection, LoginSession, query.order_by(dashboard_sessions.c.started_at.desc()))
