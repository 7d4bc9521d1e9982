"""Sessions: who is signed in, and a button to end each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, redirect, request, url_for

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, record, session, user
from webhook_app.dashboard.rendering import render
from webhook_app.dashboard.sessions import IDLE
from webhook_app.inbox.operations import logins
from webhook_app.inbox.operations.audit_log import AuditAction

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.get("/sessions")
def sessions() -> ResponseReturnValue:
    """Show the sessions that are open."""
    found = logins.open_sessions(current().inbox, IDLE * 1000)
    if not user().is_administrator:
        found = [one for one in found if one.user_name == session().user_name]
    return render("dashboard/sessions.html", sessions=found, own=session().id, message=request.args.get("message"))


@blueprint.post("/sessions/<number>/end")
def end_session(number: str) -> ResponseReturnValue:
    """End a session: its cookie is refused from now on."""
    record(AuditAction.SESSION_ENDED, detail=f"session {number[:16]}")
    of_user = None if user().is_administrator else session().user_name
    if not logins.end_session(current().inbox, number, of_user):
        abort(404, "There is no such session any more.")
    return redirect(url_for(".sessions", message="ended"), 303)
