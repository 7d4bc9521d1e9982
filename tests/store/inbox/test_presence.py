"""Which processes run, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.code_version import code_version
from webhook_app.inbox import presence
from webhook_app.inbox.presence import WEB, WORKER, Presence
from webhook_app.time_units import DAY

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox


def test_a_process_runs_until_it_ends_or_is_missing(inbox: Inbox, clock: Clock) -> None:
    """It is listed with role, version and start; not after its end, nor some minutes after it was killed."""
    first, second = Presence(inbox, WEB), Presence(inbox, WORKER)
    first.record()
    clock.move(1)
    second.record()
    assert [(one.role, one.version) for one in presence.running(inbox)] == [
        (WEB, code_version()),
        (WORKER, code_version()),
    ]
    first.end()
    assert [one.role for one in presence.running(inbox)] == [WORKER]
    clock.move(presence.MISSING / 1000 + 1)
    assert presence.running(inbox) == []


def test_a_worker_that_polls_runs_while_it_is_seen(inbox: Inbox, clock: Clock) -> None:
    """Where no notification arrives, its last record decides; when it was last seen is known for a day."""
    assert not presence.worker_runs(inbox)
    worker = Presence(inbox, WORKER)
    worker.record()
    seen = clock.now
    assert presence.worker_runs(inbox)
    clock.move(presence.MISSING / 1000 + 1)
    assert not presence.worker_runs(inbox)
    assert presence.worker_last_seen(inbox) == seen
    clock.move(DAY / 1000)
    Presence(inbox, WEB).record()
    assert presence.worker_last_seen(inbox) is None


def test_a_worker_that_is_killed_is_missing_at_once(inbox: Inbox) -> None:
    """One that was woken by notifications no longer listens, however lately it was seen."""
    inbox.wakeups.wait(0.01)
    Presence(inbox, WORKER).record()
    assert presence.worker_runs(inbox)
    inbox.wakeups.close()
    assert not presence.worker_runs(inbox)


def test_a_clock_that_was_ahead(inbox: Inbox, clock: Clock) -> None:
    """What was recorded by it is no process of today."""
    clock.move(10 * DAY / 1000)
    Presence(inbox, WORKER).record()
    clock.move(-10 * DAY / 1000)
    assert presence.running(inbox) == []
    Presence(inbox, WEB).record()
    assert [one.role for one in presence.running(inbox)] == [WEB]


def test_the_version_that_migrated_is_known(inbox: Inbox) -> None:
    """It is stored with the schema."""
    last = presence.last_migration(inbox)
    assert last
    assert last.version == code_version()
