"""One line for one delivery, in words: what it was translated to and what became of it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from webhook_app.inbox import State
from webhook_app.throttling.descriptions import FAILURE_TEXTS

if TYPE_CHECKING:
    from webhook_app.inbox import Row

COLOURS = {State.DELIVERED: "green", State.WAITING: "yellow", State.DEAD: "red", State.IGNORED: "bright_black"}
MOST_KEYS = 3  # product keys that are named
LONGEST = 300  # characters of what strangers wrote


def plain(text: str) -> str:
    """Return `text` on one line without what steers a terminal: it may quote what strangers sent."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."


def coloured(state: str, text: str) -> str:
    """Return `text` in the colour of a state."""
    return click.style(text, fg=COLOURS.get(State(state)))


def outcome(row: Row, now: int, took: int | None = None) -> str:
    """Say what became of a delivery.

    `now` is in milliseconds since 1970 UTC, `took` is how many of them the call took, where there was one.
    """
    answered = " (2xx)" if took is not None and row.state == State.DELIVERED else ""
    said = coloured(row.state, row.state) + answered + _in(took) + plain(_why(row, now))
    return f"{translated(row)} -> {said}" if row.call else said


def translated(row: Row) -> str:
    """Say in words what a delivery was translated to; "" where there is no call."""
    if not row.call:
        return ""
    body: dict[str, Any] = json.loads(row.call)
    keys = body.get("ProductKeys") or [body[name] for name in ("ProductKey",) if name in body]
    pieces = f"{body['Quantity']} x " if "Quantity" in body else ""
    amount = body.get("Revenue", body.get("TotalAmount"))
    about = [
        f"of {pieces}{_listed(keys)}" if keys else "",
        json.dumps(body["SearchTerm"], ensure_ascii=False) if "SearchTerm" in body else "",
        "" if amount is None else f"for {amount:.2f}",
    ]
    return plain(" ".join(part for part in (row.event or "", *about) if part))


def _listed(keys: list[str]) -> str:
    more = len(keys) - MOST_KEYS
    return ", ".join(keys[:MOST_KEYS]) + (f" and {more} more" if more > 0 else "")


def _in(took: int | None) -> str:
    return "" if took is None else f" in {took} ms"


def _why(row: Row, now: int) -> str:
    match row.state:
        case State.WAITING:
            seconds = max((row.due_at or now) - now, 0) / 1000
            return f": {_reason(row)}; attempt {row.attempts} failed, the next in {seconds:.0f} s"
        case State.DELIVERED:
            return f" ({row.detail})" if row.detail else ""
        case State.IGNORED | State.DEAD:
            return f": {row.reason}" + (f" ({row.detail or row.answer})" if row.detail or row.answer else "")
    return ""


def _reason(row: Row) -> str:
    meaning = next((said for known, said in FAILURE_TEXTS.items() if row.reason.startswith(known)), "")
    return f"{row.reason} ({meaning})" if meaning else row.reason
