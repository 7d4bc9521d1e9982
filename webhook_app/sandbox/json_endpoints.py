"""What the imitation remembers, as JSON for tests and scripts; the only deletion forgets everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, request

from webhook_app.sandbox.context import NOTICE, current
from webhook_app.sandbox.events import EventFilter

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

LONGEST_AFTER = 18

records = Blueprint("records", __name__)


@records.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Answer that the process serves."""
    return jsonify(status="ok")


@records.get("/events")
def events() -> ResponseReturnValue:
    """List the events asked for, in order of arrival."""
    after = request.args.get("after") or "0"
    if not (after.isdecimal() and len(after) <= LONGEST_AFTER):
        return jsonify(errors={"after": ["Must be the number of an event."]}), 400
    counts, found = current().memory.events(_filter(int(after)))
    return jsonify(sandbox=NOTICE, **counts, events=[event.as_json() for event in found])


def _filter(after: int) -> EventFilter:
    asked = request.args.get
    return EventFilter(asked("event"), asked("instance_key"), asked("profile_key"), after)


@records.delete("/events")
def forget() -> ResponseReturnValue:
    """Forget events, profiles and refusals; the trouble switches stay as they are."""
    current().memory.forget()
    return "", 204


@records.get("/refused")
def refused() -> ResponseReturnValue:
    """List the newest refused calls, oldest first."""
    return jsonify(current().memory.refusals())


@records.get("/profiles")
def profiles() -> ResponseReturnValue:
    """List every profile and the newest evictions."""
    return jsonify(sandbox=NOTICE, **current().memory.profiles())
