"""Muting of findings, from the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import abort, redirect, request, url_for

from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.attention import may_mute, problems
from webhook_app.dashboard.context import audit_event, current
from webhook_app.formatting import timestamp
from webhook_app.inbox.operations import muted_findings
from webhook_app.inbox.operations.audit_log import AuditAction
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

# By the value in the form; None: until it is over.
TIMES = {"8h": 8 * HOUR, "1d": DAY, "7d": 7 * DAY, "over": None}


@blueprint.post("/findings/mute")
def mute_findings() -> ResponseReturnValue:
    """Mute findings for a time or until they are over, or show them again."""
    health, inbox = current().health, current().inbox
    seen = {one.name for one in problems() if may_mute(one)}
    names = [name for name in request.form.getlist("name") if name in seen]
    time = request.form.get("for", "")
    if not names:
        abort(404, "What you want to mute is over.")
    if time == "end":
        muted_findings.unmute(inbox, names, audit_event(AuditAction.UNMUTE, detail="; ".join(names)))
    elif time in TIMES:
        length = TIMES[time]
        until = None if length is None else inbox.clock() + length
        words = "until it is over" if until is None else f"until {timestamp(until)}"
        muted_findings.mute(inbox, names, until, audit_event(AuditAction.MUTE, detail=f"{words}: {'; '.join(names)}"))
    else:
        abort(400, "Choose for how long.")
    health.expire()
    shop = request.form.get("shop", "")  # of the page that it was done on; access.py refuses those the user sees not
    return redirect(url_for(".shop", shop=shop) if shop in current().shops else url_for(".overview"), 303)
