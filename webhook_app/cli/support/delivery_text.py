"""Deliveries as text: what they were translated to and what became of them; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from schemas.event_types import product_keys_of
from webhook_app import masking
from webhook_app.cli.support.printable import printable
from webhook_app.delivery.causes import TITLES, cause_of
from webhook_app.formatting import timestamp
from webhook_app.inbox import State
from webhook_app.inbox.orders import order_id
from webhook_app.reasons import titled
from webhook_app.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhook_app.inbox import Row

COLOURS = {State.DELIVERED: "green", State.WAITING: "yellow", State.DEAD: "red", State.IGNORED: "bright_black"}
USUAL_WIDTHS = (16, 22)  # of the columns of shop and topic
MOST_KEYS = 3  # product keys that are named
LONGEST = 300  # characters of a text that may come from outside


def one_line(text: str) -> str:
    """Return `text` on one line and without control characters: it may come from outside."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."


def coloured(state: str, text: str) -> str:
    """Return `text` in the colour of a state."""
    return click.style(text, fg=COLOURS.get(State(state)))


def beginning(row: Row, widths: tuple[int, int] = USUAL_WIDTHS) -> str:
    """Return the columns that a line about a delivery begins with; `widths` are those of shop and topic."""
    return f"{row.id:>6}  {timestamp(row.received_at)}  {row.shop:<{widths[0]}} {row.topic:<{widths[1]}}"


def widths_of(rows: Sequence[Row]) -> tuple[int, int]:
    """Return the widths of the columns of shop and topic in which all these rows fit."""
    shop, topic = USUAL_WIDTHS
    return max([shop, *(len(row.shop) for row in rows)]), max([topic, *(len(row.topic) for row in rows)])


def outcome(row: Row, now: int, took: int | None = None, *, personal: bool = False) -> str:
    """Return what a delivery was translated to, its state and why.

    `now` is in milliseconds since 1970 UTC, `took` is how many of them the call took, where there was one.
    """
    accepted = " (2xx)" if took is not None and row.state == State.DELIVERED else ""
    within = "" if took is None else f" in {took} ms"
    text = coloured(row.state, row.state) + accepted + within + one_line(_why(row, now, personal=personal))
    return f"{call_summary(row, personal=personal)} -> {text}" if row.call else text


def call_summary(row: Row, *, personal: bool) -> str:
    """Return in words what a delivery was translated to; "" where there is no call."""
    if not row.call:
        return ""
    body: dict[str, Any] = json.loads(row.call) if personal else masking.masked_call(row.call)
    keys = product_keys_of(body)
    quantity = f"{body['Quantity']} x " if "Quantity" in body else ""
    amount = body.get("Revenue", body.get("TotalAmount"))
    parts = [
        row.event or "",
        f"of {quantity}{_listed(keys)}" if keys else "",
        json.dumps(body["SearchTerm"], ensure_ascii=False) if "SearchTerm" in body else "",
        f"for {amount:.2f}" if isinstance(amount, int | float) else "",
    ]
    return one_line(" ".join(part for part in parts if part))


def _listed(keys: list[str]) -> str:
    more = len(keys) - MOST_KEYS
    return ", ".join(keys[:MOST_KEYS]) + (f" and {more} more" if more > 0 else "")


def _why(row: Row, now: int, *, personal: bool) -> str:
    match row.state:
        case State.WAITING:
            if not row.attempts:
                return f": {titled(row.reason)}; due at {timestamp(row.due_at)}"
            seconds = max((row.due_at or now) - now, 0) / SECOND
            return f": {titled(row.reason)}; attempt {row.attempts} failed, next attempt in {seconds:.0f} s"
        case State.DELIVERED:
            return f" ({row.detail})" if row.detail else ""
        case State.IGNORED | State.DEAD:
            explanation = (row.detail or masking.answer(row.answer, row.call, revealed=personal)).strip()
            return ": ".join(("", titled(row.reason), *filter(None, [explanation])))
    return ""


def describe(row: Row, *, personal: bool) -> str:
    """Return one delivery as lines of text, without headers and body; what identifies a visitor if `personal`."""
    fields = {
        "delivery": row.id,
        "shop": f"{row.shop} ({row.platform})",
        "topic": row.topic,
        "received": timestamp(row.received_at),
        "replayed": timestamp(row.replayed_at),
        "state": ": ".join(filter(None, [row.state, titled(row.reason)])),
        "cause": cause_title(row),
        "why": row.detail,
        "attempts": row.attempts or "",
        "next attempt": timestamp(row.due_at) if row.state == State.WAITING else "",
        "settled": timestamp(row.settled_at),
        "order": _order(row),
        "counts": row.business_key if row.call else "",
        "call": f"POST /api/{row.event} {_call(row, personal=personal)}" if row.call else "",
        "response": masking.answer(row.answer, row.call, revealed=personal).strip(),
        "identity": row.identity,
        "from": row.domain,
    }
    return "\n".join(f"{name:<13} {_value(value)}" for name, value in fields.items() if value)


def _value(value: object) -> str:
    """Return a value as it may be printed; its further lines are indented, or they would look like other fields."""
    return printable(str(value)).replace("\n", "\n" + " " * 14)


def _call(row: Row, *, personal: bool) -> str:
    return (row.call or "") if personal else json.dumps(masking.masked_call(row.call or ""), ensure_ascii=False)


def _order(row: Row) -> str:
    """Return the number and the id of the order that a delivery is about; "" without one."""
    number = order_id(row.business_key)
    return " ".join(filter(None, [row.order_name, f"(id {number})" if number else ""]))


def cause_title(row: Row) -> str:
    """Return the cause of a dead delivery; "" for another one."""
    cause = cause_of(row.reason) if row.state == State.DEAD else None
    return TITLES[cause] if cause else ""
