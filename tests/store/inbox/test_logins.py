"""Attempts to sign in and sessions, in the inbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.inbox.operations import logins
from webhook_app.time_units import DAY, MINUTE

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox


def test_attempts_count_for_each_source_and_for_a_time(inbox: Inbox, clock: Clock) -> None:
    """A source at its limit has no further attempt until 15 minutes are over; others have."""
    assert [bool(logins.begin_attempt(inbox, {"a": 2, "all": 9})) for _ in range(3)] == [True, True, False]
    assert logins.begin_attempt(inbox, {"b": 2, "all": 9})
    clock.now += 15 * MINUTE
    assert logins.begin_attempt(inbox, {"a": 2, "all": 9})


def test_attempts_in_the_future_do_not_count(inbox: Inbox, clock: Clock) -> None:
    """A clock that was ahead does not lock out for years, nor when that time has come."""
    clock.now += 1000 * DAY
    assert logins.begin_attempt(inbox, {"a": 1})
    clock.now -= 1000 * DAY
    assert logins.begin_attempt(inbox, {"a": 1})
    clock.now += 1000 * DAY
    assert logins.begin_attempt(inbox, {"a": 1})


def test_refused_attempts_add_no_rows(inbox: Inbox) -> None:
    """A flood of attempts does not fill the database, and a successful attempt is not counted."""
    attempts = [logins.begin_attempt(inbox, {"a": 2, "all": 5}) for _ in range(50)]
    assert sum(one is not None for one in attempts) == 2
    logins.withdraw_attempt(inbox, str(attempts[0]))
    assert logins.begin_attempt(inbox, {"a": 2, "all": 2})


def test_one_key_an_inbox(inbox: Inbox) -> None:
    """The key is random, made once, and the same for each process."""
    assert len(logins.signing_key(inbox)) == 32
    assert logins.signing_key(inbox) == logins.signing_key(inbox)


def test_sessions_are_listed_until_they_end(inbox: Inbox, clock: Clock) -> None:
    """Ended and idle sessions are not listed; what was ended stays ended."""
    for name in ("a", "b", "c"):
        logins.start_session(inbox, name, "place")
    assert logins.end_session(inbox, "a")
    assert not logins.end_session(inbox, "a")
    clock.now += 20 * MINUTE
    logins.see_session(inbox, "b")
    clock.now += 20 * MINUTE
    assert [one.id for one in logins.open_sessions(inbox, 30 * MINUTE)] == ["b"]
    assert [logins.is_ended(inbox, name) for name in ("a", "b", "unknown")] == [True, False, False]
