"""Actions: the newest audit events, with failed logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, session, user
from webhook_app.dashboard.pages.jobs import VERBS
from webhook_app.dashboard.rendering import render
from webhook_app.inbox import presence
from webhook_app.inbox.operations import audit_log, bulk_jobs
from webhook_app.inbox.operations.audit_log import AuditAction

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


JOBS = 10  # of the newest that are listed
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
    AuditAction.JOB_STARTED: "Job started",
    AuditAction.JOB_CANCELLED: "Job cancelled",
    AuditAction.JOB_COMPLETED: "Job completed",
    AuditAction.APP: "App downloaded",
    AuditAction.REGISTRATION_BEGUN: "App asked to register",
    AuditAction.REGISTERED: "App registered",
    AuditAction.REGISTERED_AGAIN: "App registered again",
    AuditAction.REGISTRATION_REFUSED: "Registration refused",
    AuditAction.APP_REMOVED: "App uninstalled",
    AuditAction.SHARED: "Link to a shop's page made",
    AuditAction.SHARE_ENDED: "Link ended",
}


@blueprint.get("/actions")
def actions() -> ResponseReturnValue:
    """Show the newest audit events."""
    entries = audit_log.newest(current().inbox, shops=user().shops, user_name=session().user_name)
    newest = [one for one in bulk_jobs.newest(current().inbox) if one.concerns_only(user().shops)]
    return render(
        "dashboard/actions.html",
        entries=entries,
        shown=audit_log.SHOWN,
        titles=TITLES,
        jobs=newest[:JOBS],
        worker_runs=all(one.ended_at for one in newest[:JOBS]) or presence.worker_runs(current().inbox),
        verbs=VERBS,
        now=current().inbox.clock(),
    )
