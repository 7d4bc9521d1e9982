"""The audit log: one event for one change, however many processes notice it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.operations.audit_log import CONFIGURATION, AuditAction, AuditEvent

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox


def event(detail: str) -> AuditEvent:
    return AuditEvent(AuditAction.SHOPS_CHANGED, CONFIGURATION, detail=detail)


def test_one_change_is_one_event(inbox: Inbox, clock: Clock) -> None:
    """The same change again is another one: after a while, or after the opposite."""
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: audit_log.write_once(inbox, event("added shop b")), range(8))) == 1
    assert audit_log.write_once(inbox, event("removed shop b"))
    assert audit_log.write_once(inbox, event("added shop b"))
    assert not audit_log.write_once(inbox, event("added shop b"))
    clock.now += audit_log.SAME_WITHIN
    assert audit_log.write_once(inbox, event("added shop b"))
    assert len(audit_log.newest(inbox)) == 4
