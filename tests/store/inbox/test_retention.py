"""Retention: after KEEP_BODIES no personal data is left in the whole database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, select

from tests.support.deliveries import arrival, claim, settle
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.retention import Retention, sweep
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Clock

SEEDS = ("zeta.quux@example.test", "Quuxinga van Zeta", "+31 6 12345678")
DAY = 86_400
CALL = Call("purchase", "purchase:1", {"ProductKeys": ["1"], "ProfileKey": "0123abcd"})


def everything(inbox: Inbox) -> str:
    """Every value of every row of every table in the database, including tables that the code does not know."""
    tables = MetaData()
    with inbox.database.read() as connection:
        tables.reflect(connection)
        rows = [row for table in tables.sorted_tables for row in connection.execute(select(table))]
    return "\n".join(
        bytes(value).decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
        for row in rows
        for value in row
    )


def found(text: str) -> list[str]:
    return [seed for seed in SEEDS if seed in text]


def test_no_personal_data_is_left_after_keep_bodies(inbox: Inbox, clock: Clock, tmp_path: Path) -> None:
    """Neither in body, headers, call and detail nor, on SQLite, in the files of the open database."""
    body = json.dumps({"email": SEEDS[0], "name": SEEDS[1], "phone": SEEDS[2]}).encode()
    for name in ("delivered", "ignored"):
        inbox.store(arrival(name, body, headers={"x-shopify-topic": "orders/create"}))
    delivered, ignored = claim(inbox, 2)
    assert found(everything(inbox)) == list(SEEDS)
    settle(inbox, delivered, State.DELIVERED, call=CALL)
    settle(inbox, ignored, State.IGNORED, reason="no_profile", detail="A guest's order.")
    clock.move(7 * DAY + 1)
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY)) == (2, 0)
    assert found(everything(inbox)) == []
    files = [file for file in tmp_path.iterdir() if file.is_file()]
    assert found("".join(file.read_bytes().decode("latin-1") for file in files)) == []


def test_unfinished_and_dead_keep_their_body(inbox: Inbox, clock: Clock) -> None:
    """Waiting and dead deliveries are needed until they are sent, replayed or discarded."""
    for name in ("waiting", "dead"):
        inbox.store(arrival(name, json.dumps(SEEDS[0]).encode()))
    waiting, dead = claim(inbox, 2)
    settle(inbox, waiting, State.WAITING, retry_in=3600)
    settle(inbox, dead, State.DEAD)
    clock.move(100 * DAY)
    assert sweep(inbox, Retention(7 * DAY, 90 * DAY)) == (0, 0)
    assert found(everything(inbox)) == [SEEDS[0]]
