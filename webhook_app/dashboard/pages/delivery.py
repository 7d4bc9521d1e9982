"""One delivery: its timeline, its webhook, event and call, and the actions replay, discard and reveal."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import abort, redirect, request, url_for
from marshmallow import ValidationError

from schemas.events import Ignored
from webhook_app import formatting, masking
from webhook_app.config.users import Role
from webhook_app.dashboard.access import blueprint
from webhook_app.dashboard.context import current, record, user
from webhook_app.dashboard.neighbours import HIGHEST, list_filters, neighbours
from webhook_app.dashboard.pages.audit_log import TITLES as ACTION_TITLES
from webhook_app.dashboard.rendering import render
from webhook_app.delivery.causes import TITLES, DeadReason, cause_of
from webhook_app.errors import UnknownDeliveryError
from webhook_app.inbox import State, Verb
from webhook_app.inbox.operations import audit_log, operator_actions
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import sources
from webhook_app.reasons import titled
from webhook_app.translation.translate import Payload, parse_json, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.inbox import Row
    from webhook_app.inbox.operations.audit_log import AuditRecord, FailedAttempt

MESSAGES = {
    "replayed": "Queued again. A worker will translate and send it.",
    "discarded": "Discarded. It will not be sent to Tweakwise.",
    "unchanged": "Nothing was changed: its state has changed in the meantime, or its body was wiped.",
    "sample": "The sample was received. This page follows its delivery.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the timeline, past or next; `kind` is its CSS class."""

    at: int
    title: str
    text: str = ""
    kind: str = ""


@blueprint.get("/deliveries/<int:number>")
def delivery(number: int) -> ResponseReturnValue:
    """Show a delivery with personal fields masked."""
    return _page(number, revealed=False)


@blueprint.post("/deliveries/<int:number>/reveal")
def reveal(number: int) -> ResponseReturnValue:
    """Show a delivery with its personal fields; an audit event is recorded first."""
    _found(number)
    record(audit_log.AuditAction.REVEAL, number)
    return _page(number, revealed=True)


@blueprint.post("/deliveries/<int:number>/replay")
def replay(number: int) -> ResponseReturnValue:
    """Queue a delivery again."""
    row = _found(number)
    record(audit_log.AuditAction.REPLAY, number, _was(row))
    done = operator_actions.replay(current().inbox, [number])
    return _changed(number, "replayed" if done else "unchanged")


@blueprint.post("/deliveries/<int:number>/discard")
def discard(number: int) -> ResponseReturnValue:
    """Give up a delivery."""
    row = _found(number)
    record(audit_log.AuditAction.DISCARD, number, _was(row))
    done = operator_actions.discard(current().inbox, [number])
    return _changed(number, "discarded" if done else "unchanged")


def _changed(number: int, message: str) -> ResponseReturnValue:
    values: dict[str, Any] = {**list_filters().values, "number": number, "message": message}
    return redirect(url_for(".delivery", **values), 303)


def _found(number: int) -> Row:
    """Return a delivery of a shop that the user sees; any other one is not there."""
    found = None
    with suppress(UnknownDeliveryError):
        found = stored_deliveries.get(current().inbox, min(number, HIGHEST))
    if found is None or not user().sees(found.shop):
        abort(404, f"There is no delivery {number}. It may have been deleted after KEEP_ROWS.")
    return found


def _was(row: Row) -> str:
    return f"Previously {row.state}{': ' + titled(row.reason) if row.reason else ''}."


def _page(number: int, *, revealed: bool) -> ResponseReturnValue:
    inbox, filters = current().inbox, list_filters()
    row, stored = _found(number), stored_deliveries.body(inbox, number)
    newer, older = neighbours(number, filters)
    raw = stored[1] if stored else None
    steps = _steps(row, len(raw) if raw is not None else None, audit_log.failed_attempts(inbox, number))
    steps += [_audit_step(entry) for entry in audit_log.newest(inbox, number)]
    cause = cause_of(row.reason) if row.state == State.DEAD else None
    return render(
        "dashboard/delivery.html",
        row=row,
        filters=filters.values,
        about=filters.described(),
        newer=newer,
        older=older,
        now=inbox.clock(),
        message=MESSAGES.get(request.args.get("message", "")),
        steps=sorted(steps, key=lambda step: step.at),
        headers=masking.headers(stored[0], revealed=revealed) if stored else {},
        body=None if raw is None else masking.body(raw, *_shown(row), revealed=revealed),
        revealed=revealed,
        event=None if raw is None else _event(row, raw, revealed=revealed),
        outlook=None if raw is None else _outlook(row, raw),
        call=row.call and masking.call(row.call, revealed=revealed),
        answer=masking.answer(row.answer, row.call, revealed=revealed),
        counts_as=row.business_key or "" if revealed else masking.reference(row.business_key),
        curl=_curl(row) if revealed else "",
        cause=TITLES[cause] if cause else "",
        unfinished=row.state in UNFINISHED,
        may={one.value: row.state in sources(one) and user().may(Role.OPERATE) for one in (Verb.REPLAY, Verb.DISCARD)},
    )


def _steps(row: Row, size: int | None, failures: list[FailedAttempt]) -> list[Step]:
    sender = f" from {row.domain}" if row.domain else ""
    length = f", {formatting.number(size)} bytes" if size is not None else ""
    steps = [
        Step(row.received_at, "Received", f"{row.topic}{sender}{length}"),
        Step(row.received_at, "Verified and stored", "The signature of the raw body is valid.", "good"),
    ]
    if row.replayed_at:
        steps.append(Step(row.replayed_at, "Due again", "by a replay"))
    steps += [
        Step(each.ended_at, f"Attempt failed: {titled(each.failure)}", f"after {formatting.duration(each.took)}", "bad")
        for each in failures
    ]
    if row.state == State.DELIVERED and row.settled_at and row.took is not None:
        steps.append(Step(row.settled_at, "Accepted by Tweakwise", f"after {formatting.duration(row.took)}", "good"))
    return [*steps, _end(row, current().inbox.clock())]


def _end(row: Row, now: int) -> Step:
    """Return the outcome, or the next step."""
    why = ". ".join(filter(None, [titled(row.reason) if row.reason else "", row.detail]))
    if row.settled_at:
        kind = {"delivered": "good", "dead": "bad"}.get(row.state, "")
        return Step(row.settled_at, f"Settled: {row.state}", why, kind)
    if row.state == State.WAITING:
        return Step(row.due_at or 0, "Next attempt" if row.attempts else "Due", why, "next")
    if row.state == State.DELIVERING:
        until = formatting.time_of_day(row.due_at or 0)
        over = f"The lease of its worker ended at {until} UTC; the next one takes it."
        text = over if (row.due_at or 0) <= now else f"Leased by a worker until {until} UTC."
        return Step(now, "Being delivered", text, "next")
    return Step(row.waits_since, "Queued", "waiting for a free worker", "next")


def _audit_step(entry: AuditRecord) -> Step:
    action = ACTION_TITLES.get(entry.action, entry.action)
    who = f"{entry.user_name}, session {entry.session}" if entry.user_name else f"session {entry.session}"
    return Step(entry.at, f"{action} by {who}", entry.detail, "audit")


def _event(row: Row, raw: bytes, *, revealed: bool) -> str:
    """Return the event as the payload is translated today."""
    platform = current().platforms.get(row.platform)
    if platform is None:
        return f"Platform {row.platform} is unknown."
    if len(raw) > masking.LARGEST:
        return masking.too_large(raw)
    try:
        event = platform.translate(row.topic, parse_json(raw))
    except ValidationError as error:
        return f"Unreadable payload: {masking.faults(error.messages, platform.shown_of(row.topic).names)}"
    text = masking.event(event, _shown(row)[1], revealed=revealed)
    return f"{type(event).__name__} {text}"


def _shown(row: Row) -> tuple[masking.Shown, frozenset[str]]:
    """Return what may be shown of a delivery's payload, and the names under which the shop's storefront writes keys."""
    platform, shop = current().platforms.get(row.platform), current().shops.get(row.shop)
    attribute = shop.profile_attribute.removeprefix("_") if shop else ""
    own = frozenset({attribute, f"_{attribute}"} if attribute else ())
    return (platform.shown_of(row.topic) if platform else masking.NOTHING), own


def _outlook(row: Row, raw: bytes) -> str:
    """Describe what a replay would do with the current configuration."""
    dashboard = current()
    shop, platform = dashboard.shops.get(row.shop), dashboard.platforms.get(row.platform)
    if shop is None or platform is None:
        return "It would wait: the shop is not configured."
    payload = Payload(row.id, row.topic, row.received_at, raw, row.domain)
    now = datetime.fromtimestamp(dashboard.inbox.clock() / 1000, UTC)
    decision = translate(payload, shop, platform, dashboard.ages, now)
    match decision:
        case Call():
            return f"Sent as {decision.event}, unless another delivery has counted it already. {decision.note}".strip()
        case Ignored():
            return f"Ignored: {titled(decision.reason)}. {decision.detail}"
        case Unreadable():
            return f"Dead: {titled(DeadReason.UNREADABLE)}. {decision.detail}"
        case _:
            return "The privacy request is carried out again."


def _curl(row: Row) -> str:
    """Return a command that repeats the call, without the instance key."""
    if not row.call:
        return ""
    shop = current().shops.get(row.shop)
    base = (shop.tweakwise_url if shop else None) or current().tweakwise_url
    address = f"{base.rstrip('/')}/api/{row.event}"
    lines = [
        f"curl -i {shlex.quote(address)}",
        '-H "Instance-Key: $INSTANCE_KEY"',
        "-H 'Content-Type: application/json'",
        f"--data-raw {shlex.quote(row.call)}",
    ]
    return " \\\n  ".join(lines)
