"""Log lines of all processes, as one readable line for each event."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click
import pytest

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.pseudo_terminal import ESCAPE
from webhook_app.cli.support.log_reader import SLOW, LogReader
from webhook_app.inbox import State

if TYPE_CHECKING:
    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def written() -> list[str]:
    """What the reader wrote."""
    return []


@pytest.fixture
def reader(inbox: Inbox, written: list[str], clock: Clock) -> LogReader:
    """A reader of the inbox whose lines are noted."""

    def opened(url: str, moved: bool) -> None:
        written.append(f"{url} {moved}")

    return LogReader(inbox, lambda line: written.append(click.unstyle(line)), opened, (4, 13), lambda: clock() / 1000)


def stored(number: int) -> str:
    return json.dumps(
        {"event": "webhook_stored", "status": "stored", "id": number, "shop": "acme", "topic": "orders/create", "ms": 3}
    )


def test_a_slow_delivery_has_a_line_before_it_is_settled(reader: LogReader, written: list[str], clock: Clock) -> None:
    """It is written once, and again when it is settled."""
    reader.read_line(stored(7))
    reader.write_slow()
    assert written == []
    clock.move(SLOW)
    reader.write_slow()
    reader.write_slow()
    assert [line[10:] for line in written] == [
        "#7      acme  orders/create  verified, stored in 3 ms -> not settled yet"
    ]


def test_an_ignored_delivery_has_its_reason(reader: LogReader, written: list[str], inbox: Inbox) -> None:
    """The reason and its detail are read from the inbox."""
    number = inbox.store(arrival("a")).id
    settle(inbox, claim_one(inbox), State.IGNORED, reason="no_profile", detail="A guest's order.")
    reader.read_line(stored(number))
    record = {
        "event": "delivery_settled",
        "id": number,
        "shop": "acme",
        "topic": "orders/create",
        "state": "ignored",
        "ms": 0,
    }
    reader.read_line(json.dumps({**record, "attempt": 0}))
    assert [line.split("  ", 2)[2] for line in written] == [
        "    acme  orders/create  verified, stored in 3 ms -> ignored: No profile key (no_profile): A guest's order."
    ]


def test_a_row_that_cannot_be_read_has_a_line_too(reader: LogReader, written: list[str]) -> None:
    """The log record is enough for a shorter line."""
    record = {"event": "delivery_settled", "id": 9, "shop": "acme", "topic": "orders/create", "state": "dead"}
    reader.read_line(json.dumps({**record, "reason": "http_422", "attempt": 2, "ms": 5}))
    assert written[0].endswith("attempt 2 -> dead http_422")


def test_other_lines_are_passed_on(reader: LogReader, written: list[str]) -> None:
    """Warnings are shortened, foreign text is shown without control characters, and the rest is left out."""
    reader.read_line(json.dumps({"event": "worker_started", "level": "info"}))
    reader.read_line(json.dumps({"event": "store_unavailable", "level": "error", "error": "disk full"}))
    reader.read_line(f"Traceback {ESCAPE}31m")
    reader.read_line("[1]")
    assert [line[10:] for line in written[:1]] == ["!       store_unavailable error=disk full"]
    assert written[1:] == ["Traceback  [31m", "[1]"]


def test_a_new_address_is_reported(reader: LogReader, written: list[str]) -> None:
    """The same address again is one line; another address has to be pasted again."""
    for url, same in (("https://a.example", False), ("https://a.example", True), ("https://b.example", False)):
        reader.read_line(json.dumps({"event": "tunnel_opened", "level": "info", "url": url, "same": same}))
    assert written[0] == "https://a.example False"
    assert written[1].endswith("open again at https://a.example")
    assert written[2] == "https://b.example True"


def test_reading_ends_with_the_last_writer(reader: LogReader, written: list[str]) -> None:
    """Lines are complete however they arrive, the last one too; an unexpected record is shown as it is."""
    reading, writing = os.pipe()
    for piece in (b"one\ntw", b"o\n\n", b'{"event": "webhook_stored"}', b"\nthree"):
        os.write(writing, piece)
    os.close(writing)
    reader.read(reading)
    os.close(reading)
    assert written == ["one", "two", '{"event": "webhook_stored"}', "three"]
