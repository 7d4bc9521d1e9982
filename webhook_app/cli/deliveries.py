"""Commands that tell what was received and what became of it: list, show."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime

import click

from webhook_app.cli.selecting import selecting
from webhook_app.cli.telling import coloured
from webhook_app.config import settings
from webhook_app.delivery.causes import TITLES, Cause, cause_of
from webhook_app.errors import UnknownDeliveryError
from webhook_app.inbox import Inbox, Row, Selection, State
from webhook_app.throttling import descriptions


@click.command("list")
@selecting()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(*, selection: Selection, limit: int, as_json: bool) -> None:
    """List the newest deliveries: state, reason, and the order they count."""
    with closing(Inbox.configured(settings.load())) as inbox:
        rows = inbox.newest(limit, selection)
        counts, throttles, now = ({}, {}, 0) if as_json else (inbox.counts(), inbox.throttles(), inbox.clock())
    if as_json:
        for row in rows:
            click.echo(json.dumps(as_record(row)))
        return
    for row in rows:
        click.echo(_line(row))
    for throttle in descriptions.open_for(throttles.values(), {row.shop for row in rows}):
        click.secho(descriptions.sentences(throttle, now), fg="yellow")
    click.echo(
        "In all: " + (", ".join(f"{counts[state]} {state}" for state in State if state in counts) or "nothing yet")
    )


@click.command()
@click.argument("number", type=int)
@click.option("--body", is_flag=True, help="Also print the kept headers and the raw body: personal data.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def show(number: int, *, body: bool, as_json: bool) -> None:
    """Show one delivery: its state, why, and the call that was sent."""
    with closing(Inbox.configured(settings.load())) as inbox:
        try:
            row = inbox.get(number)
        except UnknownDeliveryError:
            raise click.ClickException(f"There is no delivery {number}.") from None
        held = inbox.body(number) if body else None
    if as_json:
        click.echo(json.dumps(as_record(row), indent=2))
    else:
        click.echo(describe(row))
    if body:
        _print_body(held)


def describe(row: Row) -> str:
    """Write one delivery as lines of text."""
    facts = {
        "delivery": row.id,
        "shop": f"{row.shop} ({row.platform})",
        "topic": row.topic,
        "received": moment(row.received_at),
        "state": row.state + (f": {row.reason}" if row.reason else ""),
        "fault": TITLES[fault] if (fault := _fault(row)) else "",
        "why": row.detail,
        "attempts": row.attempts or "",
        "next attempt": moment(row.due_at) if row.state == State.WAITING else "",
        "settled": moment(row.settled_at),
        "counts": row.business_key,
        "call": f"POST /api/{row.event} {row.call}" if row.call else "",
        "answer": (row.answer or "").strip(),
        "identity": row.identity,
        "from": row.domain,
    }
    return "\n".join(f"{name:<13} {value}" for name, value in facts.items() if value)


def as_record(row: Row) -> dict[str, object]:
    """Return one delivery as a JSON object, times in ISO 8601."""
    record = {name: getattr(row, name) for name in Row.__dataclass_fields__}
    times = {name: moment(value) for name, value in record.items() if name.endswith("_at") and value}
    return {**record, **times, "fault": _fault(row), "call": json.loads(row.call) if row.call else None}


def moment(milliseconds: int | None) -> str:
    """Write a time as ISO 8601 UTC, "" for none."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _line(row: Row) -> str:
    state = coloured(row.state, f"{row.state:<10}")
    why = row.reason or row.business_key or ""
    return f"{row.id:>6}  {moment(row.received_at)}  {row.shop:<16} {row.topic:<22} {state} {why}"


def _fault(row: Row) -> Cause | None:
    return cause_of(row.reason) if row.state == State.DEAD else None


def _print_body(held: tuple[dict[str, str], bytes] | None) -> None:
    if held is None:
        click.echo("\nThe body was wiped.")
        return
    headers, body = held
    click.echo("\n" + "\n".join(f"{name}: {value}" for name, value in headers.items()) + "\n")
    click.echo(body.decode("utf-8", "replace"))
