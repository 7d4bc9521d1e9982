"""Actions: the newest audit events, with failed logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, session, user
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import audit_log
from webhook_app.inbox.audit_log import AuditAction

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


TITLES: dict[str, str] = {
    AuditAction.LOGIN: "Signed in",
    AuditAction.LOGIN_FAILED: "Failed login",
    AuditAction.LOGOUT: "Signed out",
    AuditAction.SESSION_ENDED: "Session ended",
    AuditAction.REVEAL: "Personal fields revealed",
    AuditAction.REPLAY: "Replayed",
    AuditAction.DISCARD: "Discarded",
    AuditAction.SAMPLE: "Sample sent",
    AuditAction.RESUME: "Pause ended",
    AuditAction.ERASED: "Personal data erased",
    AuditAction.REPORTED: "Personal data listed",
    AuditAction.SHOPS_CHANGED: "Shops changed",
}


@blueprint.get("/actions")
def actions() -> ResponseReturnValue:
    """Show the newest audit events."""
    entries = audit_log.newest(current().inbox, shops=user().shops, user_name=session().user_name)
    return render("dashboard/actions.html", entries=entries, shown=audit_log.SHOWN, titles=TITLES)
