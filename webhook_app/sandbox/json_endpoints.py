"""Stored events, profiles and refusals as JSON for tests and scripts; DELETE removes all of them."""

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
    """Report that the process is running."""
    return jsonify(status="ok")


@records.get("/events")
def events() -> ResponseReturnValue:
    """List the events that match the query, in order of arrival."""
    after = request.args.get("after") or "0"
    if not (after.isdecimal() and len(after) <= LONGEST_AFTER):
        return jsonify(errors={"after": ["Must be the number of an event."]}), 400
    counts, found = current().store.events(_filter(int(after)))
    return jsonify(sandbox=NOTICE, **counts, events=[event.as_json() for event in found])


def _filter(after: int) -> EventFilter:
    asked = request.args.get
    return EventFilter(asked("event"), asked("instance_key"), asked("profile_key"), after)


@records.delete("/events")
def clear() -> ResponseReturnValue:
    """Remove events, profiles and refusals; the failure switches are unchanged."""
    current().store.clear()
    return "", 204


@records.get("/refused")
def refused() -> ResponseReturnValue:
    """List the newest refused calls, oldest first."""
    return jsonify(current().store.refusals())


@records.get("/profiles")
def profiles() -> ResponseReturnValue:
    """List every profile and the newest evictions."""
    return jsonify(sandbox=NOTICE, **current().store.profiles())
