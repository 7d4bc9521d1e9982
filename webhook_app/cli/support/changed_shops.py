"""Records that changed shops were taken over: one audit event, however many processes do it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from webhook_app import logs, reloading
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.operations.audit_log import CONFIGURATION, AuditAction, AuditEvent

if TYPE_CHECKING:
    from webhook_app.config.settings import Settings


def record_changes(config: Settings) -> None:
    """Record what the process that started this check found; an unavailable database prevents no change."""
    changes = os.environ.get(reloading.CHANGES)
    if not changes:
        return
    event = AuditEvent(AuditAction.SHOPS_CHANGED, CONFIGURATION, detail=changes)
    with closing(Inbox.configured(config)) as inbox:
        try:
            if inbox.database.exists():
                audit_log.write_once(inbox, event)
        except StoreUnavailableError as error:
            logs.logger().warning("audit_event_lost", action=str(event.action), source=event.source, error=str(error))
