"""Deliveries as text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import click
import pytest

from webhook_app.api.delivery_record import record_of
from webhook_app.cli.support.delivery_text import call_summary, describe, one_line, outcome
from webhook_app.cli.support.printable import UNPRINTABLE
from webhook_app.inbox import Row, State

NOW = 1_795_000_000_000
ROW = Row(
    id=7,
    shop="acme",
    platform="shopify",
    topic="orders/create",
    identity="a",
    domain="acme.example",
    received_at=NOW,
    state=State.RECEIVED,
    reason="",
    detail="",
    due_at=None,
    claims=0,
    attempts=0,
    first_attempt_at=None,
    settled_at=None,
    business_key=None,
    event=None,
    call=None,
    answer=None,
    took=None,
)
CALL = {"event": "pageview", "call": '{"ProductKey": "1", "ProfileKey": "secret-key"}'}


@pytest.mark.parametrize(
    ("fields", "took", "text"),
    [
        ({"state": State.RECEIVED}, None, "received"),
        ({"state": State.DELIVERED, **CALL}, 12, "pageview of 1 -> delivered (2xx) in 12 ms"),
        (
            {"state": State.WAITING, "reason": "http_503", "attempts": 2, "due_at": NOW + 9_000, **CALL},
            None,
            "pageview of 1 -> waiting: Tweakwise answered 503 (http_503); attempt 2 failed, next attempt in 9 s",
        ),
        (
            {"state": State.IGNORED, "reason": "no_profile", "detail": "A guest's order."},
            None,
            "ignored: No profile key (no_profile): A guest's order.",
        ),
        (
            {"state": State.DEAD, "reason": "http_422", "answer": "no such\nkey\n"},
            3,
            "dead in 3 ms: Tweakwise answered 422 (http_422): no such key",
        ),
    ],
)
def test_an_outcome_is_one_line(fields: dict[str, Any], took: int | None, text: str) -> None:
    """The call, the state, how long the call took, and why."""
    assert click.unstyle(outcome(replace(ROW, **fields), NOW, took)) == text


@pytest.mark.parametrize(
    ("event", "call", "text"),
    [
        ("purchase", {"ProductKeys": ["1", "2"], "Revenue": 9.5}, "purchase of 1, 2 for 9.50"),
        ("purchase", {"ProductKeys": list("12345")}, "purchase of 1, 2, 3 and 2 more"),
        ("search", {"SearchTerm": "été \x1b[2J"}, 'search "été \\u001b[2J"'),
        ("pageview", {"ProductKey": "1"}, "pageview of 1"),
        ("addtocart", {"ProductKey": "1", "Quantity": 2, "TotalAmount": 5}, "addtocart of 2 x 1 for 5.00"),
        ("sessionstart", {"SessionKey": "s"}, "sessionstart"),
        ("itemclick", {"RequestId": "r", "ItemId": "7"}, "itemclick of 7"),
        ("pageimpression", {"RequestId": "r"}, "pageimpression"),
    ],
)
def test_a_call_is_summarised(event: str, call: dict[str, Any], text: str) -> None:
    """Every event in words, without the profile key."""
    assert (
        call_summary(replace(ROW, event=event, call=json.dumps({**call, "ProfileKey": "a-visitor"})), personal=True)
        == text
    )


def test_what_identifies_a_visitor_is_masked() -> None:
    """Every command masks a call as the pages do, unless personal data is asked for."""
    call = json.dumps({"SearchTerm": "jan jansen", "ProfileKey": "a-visitor"})
    row = replace(ROW, event="search", call=call, answer="no jan jansen", state=State.DEAD, reason="http_400")
    masked = [outcome(row, NOW), describe(row, personal=False), json.dumps(record_of(row))]
    assert not [text for text in masked if "jan" in text or "a-visitor" in text]
    shown = [call_summary(row, personal=True), describe(row, personal=True), json.dumps(record_of(row, personal=True))]
    assert all("jan jansen" in text for text in shown)


def test_text_from_outside_cannot_control_the_terminal() -> None:
    """Control characters are taken out, and a long text is cut."""
    assert one_line("a\x1b[2Jb\r\nc\x07") == "a [2Jb  c "
    assert len(one_line("x" * 10_000)) < 400


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "\x9b2J", "\u202eevil", "\x00\x7f\x85", "\ud800"])
@pytest.mark.parametrize("field", ["detail", "answer", "domain", "call", "topic", "order_name"])
def test_what_a_terminal_would_obey_is_not_shown(text: str, field: str) -> None:
    """In any field of a delivery, also where a pipe leads to a terminal."""
    value = json.dumps({"ProfileKey": text}, ensure_ascii=False) if field == "call" else text
    changed: dict[str, Any] = {"call": "{}", "answer": "x", field: value}
    shown = describe(replace(ROW, event="search", **changed), personal=True)
    assert UNPRINTABLE.search(shown) is None


def test_a_value_cannot_look_like_another_field() -> None:
    """Its further lines are indented."""
    shown = describe(replace(ROW, detail="x\nstate         delivered"), personal=False)
    assert "\nstate         delivered" not in shown
