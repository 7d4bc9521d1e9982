"""Sessions: expiry, forged cookies, places."""

from __future__ import annotations

import pytest

from tests.support.dashboard import PASSWORD
from webhook_app.dashboard.sessions import CLOCKS_APART, DEVICE_LONGEST, IDLE, LONGEST, Session, Sessions


def key() -> bytes:
    return b"k" * 32


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_session_expires() -> None:
    """A session expires when idle, and at its maximum age however often it was renewed."""
    clock = Time()
    sessions = Sessions(PASSWORD, key, clock)
    session = Session.new(sessions.now(), signed_in=True)
    clock.now += IDLE - 1
    session = sessions.renewed(session)
    assert sessions.read(sessions.write(session))
    clock.now += IDLE + 1
    assert sessions.read(sessions.write(session)) is None
    started = Session.new(sessions.now(), signed_in=True)
    clock.now += LONGEST + 1
    assert sessions.read(sessions.write(sessions.renewed(started))) is None


def test_session_of_the_future_does_not_count() -> None:
    """A clock that was ahead would make a session that lasts until then; clocks that differ a little are usual."""
    clock = Time()
    sessions = Sessions(PASSWORD, key, clock)
    session = Session.new(sessions.now(), signed_in=True)
    clock.now -= CLOCKS_APART
    assert sessions.read(sessions.write(session)) == session
    clock.now -= 1
    assert sessions.read(sessions.write(session)) is None


def test_limit_of_a_device_ends() -> None:
    """A browser in which someone signed in half a year ago is limited as any other."""
    clock = Time()
    sessions = Sessions(PASSWORD, key, clock)
    device = sessions.new_device("alice")
    clock.now += DEVICE_LONGEST
    assert len(sessions.limits("192.0.2.1", device, "alice")) == 1
    others = sessions.limits("192.0.2.1", None, "alice")
    assert sessions.limits("192.0.2.1", device, "bob") == others
    clock.now += 1
    assert sessions.limits("192.0.2.1", device, "alice") == others


@pytest.mark.parametrize("cookie", ["", "x", "e30.x", "a.b.c", "\N{SNOWMAN}"])
def test_forged_cookie_is_no_session(cookie: str) -> None:
    """A cookie signed with another password is refused as well."""
    sessions = Sessions(PASSWORD, key)
    assert sessions.read(cookie) is None
    assert sessions.read(Sessions("another password", key).write(Session.new(sessions.now(), signed_in=True))) is None
    assert sessions.read(f"alice:{sessions.write(Session.new(sessions.now()))}") is None


def test_place_is_a_hash_of_the_network() -> None:
    """The IPv6 addresses of one /64 network are one place."""
    sessions = Sessions(PASSWORD, key)
    assert sessions.source("2001:db8::1") == sessions.source("2001:db8::ffff") != sessions.source("2001:db8:0:1::1")
    assert "203.0.113.9" not in sessions.source("203.0.113.9")
    assert sessions.source(None) == sessions.source("")
