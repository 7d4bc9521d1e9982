"""`forget` erases what is stored of a person, on every platform."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.deliveries import arrival, claim, settle
from webhook_app.cli import main
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.operations import audit_log
from webhook_app.inbox.reports import stored_deliveries

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SHOPS = """
[shops.shop]
platform = "woocommerce"
secrets = ["a-long-enough-secret"]
instance_key = "1234abcd"
profile_salt = "salt"
"""
KEY = [{"key": "_tweakwise_profile_key", "value": "carried-1"}]
ORDER = {"id": 1001, "number": "W-1001", "line_items": [], "customer_id": 7, "meta_data": KEY}
ORDER |= {"billing": {"email": "Jane@example.com", "phone": "06 12345678"}}
OTHERS = {"id": 1002, "number": "W-1002", "line_items": [], "customer_id": 8, "meta_data": []}
SEARCH = {"term": "jane-search", "profile_key": "carried-1"}


@pytest.fixture
def database(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An order of a customer and a search under its key, and another customer's order."""
    for name in ("SHOPS_FILE", "SPOOL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    with closing(Inbox(migrated_url)) as inbox:
        for number, content in enumerate((SEARCH, ORDER, OTHERS)):
            inbox.store(arrival(str(number), json.dumps(content).encode(), shop="shop", platform="woocommerce"))
        for delivery in claim(inbox, 3):
            settle(inbox, delivery, State.DELIVERED)
    return migrated_url


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["forget", "--shop", "shop", *arguments], input=stdin)


def with_body(database: str) -> list[int]:
    with closing(Inbox(database)) as inbox:
        return [number for number in (1, 2, 3) if stored_deliveries.body(inbox, number)]


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "given",
    [
        ("--customer", "7"),
        ("--email", "jane@EXAMPLE.com"),
        ("--phone", "+31612345678"),
        ("--order", "1001"),
        ("--order", "#W-1001"),
        ("--profile-key", "carried-1"),
    ],
)
def test_each_way_to_name_a_person(database: str, given: tuple[str, str]) -> None:
    """The order is wiped, and what was done under its key; others stay, and a dry run changes nothing."""
    assert run(*given, "--dry-run").output == "Dry run: 2 deliveries (1, 2) would be wiped.\n"
    assert with_body(database) == [1, 2, 3]
    result = run(*given)
    assert (result.exit_code, result.stdout.splitlines()[-1][:19]) == (0, "Wiped 2 deliveries ")
    assert with_body(database) == [3]
    with closing(Inbox(database)) as inbox:
        [event] = audit_log.newest(inbox)
    assert event.action == "erased"
    assert given[1] not in event.detail


def test_nothing_is_left_in_the_files(database: str, tmp_path: Path) -> None:
    """A value may come from standard input, so that it is on no command line."""
    assert run("--email", "-", stdin="jane@example.com\n").exit_code == 0
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    if database.startswith("sqlite"):
        assert b"W-1002" in files
    assert [mark for mark in (b"Jane@", b"jane-search", b"carried-1", b"jane@") if mark in files] == []


def test_something_must_be_named(database: str) -> None:
    """An empty value would mean everyone."""
    for given in ((), ("--email", ""), ("--customer", " "), ("--email", "-")):
        assert run(*given).exit_code == 2
    assert with_body(database) == [1, 2, 3]


def test_what_names_no_person_is_refused(database: str) -> None:
    """A phone number of 1 would erase every order with a quantity of that."""
    for given in (("--phone", "1"), ("--phone", "unknown"), ("--email", "jane"), ("--email", "@")):
        assert run(*given, "--yes").exit_code == 2
    assert with_body(database) == [1, 2, 3]
