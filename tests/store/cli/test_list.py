"""`list`: the newest deliveries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim_one, open_breaker, settle
from tests.support.doctor import saw
from webhook_app.inbox import State
from webhook_app.inbox.counting.activity import ActivityKind
from webhook_app.time_units import now_ms
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

on_sqlite = pytest.mark.engines("sqlite")


def test_it_prints_states_reasons_and_counts(run: Run, stored: Inbox) -> None:
    """The newest first, with state and reason, and last the counts of all."""
    lines = run("list").output.splitlines()
    assert [line.split()[:5] for line in lines[:2]] == [
        ["2", "2026-11-18T11:06:40Z", "acme", "orders/create", "received"],
        ["1", "2026-11-18T11:06:40Z", "acme", "orders/create", "ignored"],
    ]
    assert lines[1].endswith("No profile key (no_profile)")
    assert lines[2] == "Total: 1 received, 1 ignored"


def test_json_is_one_object_a_line(run: Run, stored: Inbox) -> None:
    """The reason is its code, times are in ISO 8601."""
    [record] = [json.loads(line) for line in run("list", "--json", "--state", "ignored").output.splitlines()]
    assert (record["id"], record["reason"]) == (1, "no_profile")
    assert record["received_at"] == "2026-11-18T11:06:40Z"


@pytest.mark.parametrize(("cause", "numbers"), [("ours", [1]), ("theirs", []), ("data", [2])])
def test_the_dead_are_selected_by_cause(run: Run, dead: Inbox, cause: str, numbers: list[int]) -> None:
    """--fault selects by what has to be corrected."""
    records = [json.loads(line) for line in run("list", "--fault", cause, "--json").output.splitlines()]
    assert [record["id"] for record in records] == numbers
    assert all(record["fault"] == cause for record in records)


@on_sqlite
@pytest.mark.parametrize(
    ("time", "is_before"),
    [("2020-01-01", True), ("2020-01-01T10:00:00+02:00", True), ("2100-01-01T00:00:00Z", False)],
)
def test_they_are_selected_by_time(run: Run, stored: Inbox, time: str, is_before: bool) -> None:
    """--since and --until are two halves."""
    assert bool(run("list", "--json", "--since", time).output) is is_before
    assert bool(run("list", "--json", "--until", time).output) is not is_before


@on_sqlite
def test_open_breakers_are_printed(run: Run, dead: Inbox) -> None:
    """The open breaker of a shop that is listed is printed, and of no other shop."""
    for shop in ("acme", "other"):
        open_breaker(dead, shop)
    output = run("list").output
    assert "shop acme: " in output
    assert "(http_401)" in output
    assert "other" not in output


@on_sqlite
def test_what_waits_without_an_attempt_has_a_time(run: Run, inbox: Inbox) -> None:
    """A purchase that waits for returns is printed with the moment at which it is due."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.WAITING, reason="purchase_after", retry_in=3600)
    assert "Waiting for returns (purchase_after); due at 2026-11-18T12:06:40Z" in run("list").output


def test_an_order_is_found_by_its_number(run: Run, inbox: Inbox) -> None:
    """In every command that selects deliveries, also before a worker has read it."""
    inbox.store(arrival(body=b'{"id": 5001, "name": "#1234", "line_items": []}'))
    inbox.store(arrival("other"))
    for order in ("#1234", "1234", "5001"):
        for command in ("list", "export"):
            lines = run(command, "--order", order, *(["--json"] if command == "list" else [])).stdout.splitlines()
            assert [json.loads(line)["id"] for line in lines] == [1], (command, order)


@on_sqlite
def test_an_order_that_is_not_there_is_explained(run: Run, inbox: Inbox, clock: Clock) -> None:
    """What may have become of it, not only that there is none."""
    clock.now = now_ms()
    saw(inbox, "signature_mismatch", ActivityKind.REFUSAL, 23)
    output = run("list", "--order", "#4711").output
    assert "No stored delivery is about order #4711." in output
    assert "acme refused 23 webhooks in the last 7 d (signature_mismatch)" in output
    assert "acme never sent a webhook" in output


def test_pages_by_number_and_profile_key(run: Run, inbox: Inbox) -> None:
    """--before lists what comes next, --profile-key what was sent for a key; long names of shops stay in columns."""
    long = "a-very-long-name-of-a-shop-of-an-agency"
    for number, (shop, key) in enumerate([("acme", "abc"), (long, "abcd"), ("acme", "x_c"), ("acme", "abc")]):
        inbox.store(arrival(f"{number}", shop=shop))
        call = Call("purchase", f"purchase:{number}", {"ProfileKey": key, "ProductKeys": ["1"]})
        settle(inbox, inbox.claim({shop: 1})[0], State.DELIVERED, call=call)
    assert [line.split()[0] for line in run("list", "--before", "3").output.splitlines()[:-1]] == ["2", "1"]
    assert [line.split()[0] for line in run("list", "--profile-key", "abc").output.splitlines()[:-1]] == ["4", "1"]
    assert run("list", "--profile-key", "a%c").output.splitlines()[:-1] == []
    lines = run("list").output.splitlines()[:-1]
    assert len({line.index("orders/create") for line in lines}) == 1
