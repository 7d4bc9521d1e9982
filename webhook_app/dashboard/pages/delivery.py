"""One delivery: what happened to it, what it said, what was made of it, and what can be done about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import abort, redirect, render_template, request, url_for
from marshmallow import ValidationError

from schemas.events import Ignored, Reason
from webhook_app.dashboard import formatting, masking
from webhook_app.dashboard.access import gate
from webhook_app.dashboard.context import current, record
from webhook_app.delivery.causes import TITLES, cause_of
from webhook_app.errors import UnknownDeliveryError
from webhook_app.inbox import State, Verb, audit_log, operator_actions
from webhook_app.inbox.reports.backlog import UNFINISHED
from webhook_app.inbox.states import sources
from webhook_app.translation.translate import Payload, parse_json, translate
from webhook_app.tweakwise.call import Call, Unreadable

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webhook_app.inbox import Row
    from webhook_app.inbox.audit_log import AuditRecord, FailedAttempt

HIGHEST = 2**63 - 1  # that a database knows
SAID = {
    "replayed": "It is back in line, and is translated anew.",
    "dropped": "It is given up, and will not be sent.",
    "unchanged": "Nothing was changed: its state had changed meanwhile, or its body was wiped.",
    "arriving": "The sample was received. This page shows what becomes of it.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, or will; `kind` is its class."""

    at: int
    title: str
    text: str = ""
    kind: str = ""


@gate.get("/deliveries/<int:number>")
def delivery(number: int) -> ResponseReturnValue:
    """Show a delivery with personal fields masked."""
    return _page(number, revealed=False)


@gate.post("/deliveries/<int:number>/reveal")
def reveal(number: int) -> ResponseReturnValue:
    """Show a delivery with everything in it; that somebody looked is written down first."""
    _found(number)
    record(audit_log.AuditAction.REVEAL, number)
    return _page(number, revealed=True)


@gate.post("/deliveries/<int:number>/replay")
def replay(number: int) -> ResponseReturnValue:
    """Put a delivery back in line."""
    row = _found(number)
    record(audit_log.AuditAction.REPLAY, number, _was(row))
    done = operator_actions.replay(current().inbox, [number])
    return redirect(url_for(".delivery", number=number, said="replayed" if done else "unchanged"), 303)


@gate.post("/deliveries/<int:number>/discard")
def discard(number: int) -> ResponseReturnValue:
    """Give a delivery up."""
    row = _found(number)
    record(audit_log.AuditAction.DISCARD, number, _was(row))
    done = operator_actions.discard(current().inbox, [number], Reason.DROPPED)
    return redirect(url_for(".delivery", number=number, said="dropped" if done else "unchanged"), 303)


def _found(number: int) -> Row:
    try:
        return current().inbox.get(min(number, HIGHEST))
    except UnknownDeliveryError:
        abort(404, f"There is no delivery {number}: it never was, or its time is over (KEEP_ROWS).")


def _was(row: Row) -> str:
    return f"It was {row.state}{': ' + row.reason if row.reason else ''}."


def _page(number: int, *, revealed: bool) -> ResponseReturnValue:
    inbox = current().inbox
    row, held = _found(number), inbox.body(number)
    raw = held[1] if held else None
    steps = _steps(row, len(raw) if raw is not None else None, audit_log.failed_attempts(inbox, number))
    steps += [_deed(entry) for entry in audit_log.newest(inbox, number)]
    fault = cause_of(row.reason) if row.state == State.DEAD else None
    return render_template(
        "dashboard/delivery.html",
        row=row,
        now=inbox.clock(),
        said=SAID.get(request.args.get("said", "")),
        steps=sorted(steps, key=lambda step: step.at),
        headers=held[0] if held else {},
        body=None if raw is None else masking.body(raw, revealed=revealed),
        revealed=revealed,
        event=None if raw is None else _event(row, raw, revealed=revealed),
        outlook=None if raw is None else _outlook(row, raw),
        call=row.call and masking.call(row.call, revealed=revealed),
        curl=_curl(row) if revealed or masking.TYPED not in (row.call or "") else "",
        fault=TITLES[fault] if fault else "",
        unfinished=row.state in UNFINISHED,
        may={verb.value: row.state in sources(verb) for verb in (Verb.REPLAY, Verb.DISCARD)},
    )


def _steps(row: Row, size: int | None, failures: list[FailedAttempt]) -> list[Step]:
    came = f"from {row.domain}" if row.domain else ""
    weight = f", {formatting.number(size)} bytes" if size is not None else ""
    steps = [
        Step(row.received_at, "Received", f"{row.topic} {came}{weight}"),
        Step(row.received_at, "Verified and stored", "The signature over the raw body is right.", "good"),
    ]
    steps += [
        Step(each.ended_at, f"Attempt failed: {each.failure}", f"after {formatting.lasting(each.took)}", "bad")
        for each in failures
    ]
    if row.state == State.DELIVERED and row.settled_at and row.took is not None:
        steps.append(Step(row.settled_at, "Attempt accepted", f"after {formatting.lasting(row.took)}", "good"))
    return [*steps, _end(row)]


def _end(row: Row) -> Step:
    """Return how it ended, or what is next."""
    why = row.reason + (f": {row.detail}" if row.detail else "") if row.reason else row.detail
    if row.settled_at:
        kind = {"delivered": "good", "dead": "bad"}.get(row.state, "")
        return Step(row.settled_at, f"Settled: {row.state}", why, kind)
    if row.state == State.WAITING:
        return Step(row.due_at or 0, "Next attempt", why, "next")
    if row.state == State.DELIVERING:
        return Step(row.due_at or 0, "A worker has it", "until then, or it goes to another one", "next")
    return Step(row.received_at, "In line", "for the next worker that is free", "next")


def _deed(entry: AuditRecord) -> Step:
    return Step(entry.at, f"A person: {entry.action}", f"{entry.detail} Session {entry.session}".strip(), "deed")


def _event(row: Row, raw: bytes, *, revealed: bool) -> str:
    """Say what the payload means today."""
    platform = current().platforms.get(row.platform)
    if platform is None:
        return f"There is no platform {row.platform}."
    try:
        event = platform.translate(row.topic, parse_json(raw))
    except ValidationError as error:
        return f"Unreadable: {masking.event(error.messages, revealed=True)}"
    text = masking.event(event, revealed=revealed)
    return f"{type(event).__name__} {text}"


def _outlook(row: Row, raw: bytes) -> str:
    """Say what a replay would come to with the configuration of now."""
    dashboard = current()
    shop, platform = dashboard.shops.get(row.shop), dashboard.platforms.get(row.platform)
    if shop is None or platform is None:
        return "The shop is not configured: it would wait until it is."
    payload = Payload(row.id, row.topic, row.received_at, raw)
    now = datetime.fromtimestamp(dashboard.inbox.clock() / 1000, UTC)
    decision = translate(payload, shop, platform, dashboard.ages, now)
    match decision:
        case Call():
            return f"a call: {decision.event}, unless another delivery counts the same. {decision.note}".strip()
        case Ignored():
            return f"ignored: {decision.reason}. {decision.detail}"
        case Unreadable():
            return f"dead: unreadable. {decision.detail}"
        case _:
            return "a privacy duty, done again"


def _curl(row: Row) -> str:
    """Return a command that makes the call again; the instance key stays out of it."""
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
