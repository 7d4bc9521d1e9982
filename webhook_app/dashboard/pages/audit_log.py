"""Actions: who did what, and failed logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import current
from webhook_app.inbox import audit_log

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@gate.get("/actions")
def actions() -> ResponseReturnValue:
    """Show the newest actions."""
    return render_template("dashboard/actions.html", entries=audit_log.newest(current().inbox), shown=audit_log.SHOWN)
