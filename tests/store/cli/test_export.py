"""`export`: writes deliveries for other programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.deliveries import arrival, claim_one, settle
from webhook_app.inbox import State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.commands import Run
    from webhook_app.inbox import Inbox

on_sqlite = pytest.mark.engines("sqlite")


def test_personal_data_is_left_out(run: Run, stored: Inbox) -> None:
    """A line of JSON for each delivery, the oldest first, with nothing of the webhook itself."""
    result = run("export", "--shop", "acme")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["id"] for record in records] == [1, 2]
    assert "line_items" not in result.stdout
    assert not {"headers", "body", "body_base64"} & set(records[0])
    assert result.stderr == "2 deliveries.\n"


@pytest.mark.parametrize(
    ("body", "key", "written"), [(b'{"a": "\xc3\xa9"}', "body", '{"a": "é"}'), (b"\xff", "body_base64", "/w==")]
)
def test_personal_data_on_request(run: Run, inbox: Inbox, body: bytes, key: str, written: str) -> None:
    """--personal adds headers and body, as text where it is text."""
    inbox.store(arrival(body=body))
    [record] = [json.loads(line) for line in run("export", "1", "--personal").stdout.splitlines()]
    assert record[key] == written
    assert record["headers"] == {"x-shopify-topic": "orders/create"}


@on_sqlite
def test_a_wiped_body_is_null(run: Run, inbox: Inbox) -> None:
    """Headers and body are null once they are wiped."""
    inbox.store(arrival())
    settle(inbox, claim_one(inbox), State.DELIVERED, wipes=True)
    record = json.loads(run("export", "1", "--personal").stdout)
    assert (record["state"], record["headers"], record["body"]) == ("delivered", None, None)


@on_sqlite
def test_a_file_is_private_and_never_overwritten(run: Run, stored: Inbox, tmp_path: Path) -> None:
    """The file is readable by its owner alone, and an existing one is refused."""
    path = tmp_path / "events.jsonl"
    assert run("export", "--state", "ignored", "--out", str(path)).exit_code == 0
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [1]
    assert path.stat().st_mode & 0o777 == 0o600
    again = run("export", "--out", str(path))
    assert again.exit_code == 1
    assert "File exists" in again.output
