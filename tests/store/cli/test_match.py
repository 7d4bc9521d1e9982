"""The command match: deliveries of the inbox, feeds from files and over HTTP."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.feeds import feed
from tests.support.web_server import serving
from webhook_app.cli import main
from webhook_app.inbox import Inbox, State
from webhook_app.inbox.shop_records import feed_check_results
from webhook_app.inbox.shop_records.feed_check_results import TemplateTrial
from webhook_app.time_units import now_ms
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Clock

    Run = Callable[..., Result]


SHOPS = """
[shops.acme]
platform = "shopify"
secrets = ["secret"]
instance_key = "1234abcd"
[shops.acme.fields]
store = 1
market = "eu"

[shops.globex]
platform = "woocommerce"
secrets = ["secret"]
instance_key = "1234abcd"
"""


# For what does not depend on the database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def order(number: int, *products: int) -> bytes:
    sold = [{"product_id": n, "variant_id": n + 500, "sku": f"S{n}", "price": "1", "quantity": 1} for n in products]
    return json.dumps(
        {
            "id": number,
            "created_at": "2026-11-23T10:00:00Z",
            "financial_status": "paid",
            "currency": "EUR",
            "line_items": sold,
        }
    ).encode()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Run:
    """Call the command `match` on this database."""
    for name in ("SHOPS_FILE", "PORT", "TWEAKWISE_URL", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(main, ["match", *arguments])


@pytest.fixture
def filled(run: Run, inbox: Inbox, clock: Clock) -> Inbox:
    """Three purchases, a view and a click that were delivered in the last week, one before it, and one that was not."""
    clock.now = now_ms() - 30 * 24 * 3600 * 1000
    put(inbox, "old", 9, {"ProductKeys": ["1"]})
    clock.now = now_ms() - 1000
    for number in (1, 2, 3):
        put(inbox, str(number), number, {"ProductKeys": [str(6000 + number), str(7000 + number)]})
    put(inbox, "view", 4, {"ProductKey": "7001"}, event="pageview")
    put(inbox, "click", 6, {"RequestId": "r", "ItemId": "7002"}, event="itemclick")
    put(inbox, "dead", 5, {"ProductKeys": ["8888"]}, state=State.DEAD)
    return inbox


def put(inbox: Inbox, identity: str, number: int, body: dict[str, Any], **how: Any) -> None:
    inbox.store(arrival(identity, body=order(number, 6000 + number, 7000 + number)))
    call = Call(how.get("event", "purchase"), f"purchase:{identity}", {**body, "ProfileKey": "k"})
    settle(inbox, claim_one(inbox), how.get("state", State.DELIVERED), call=call, attempted=True)


def test_result_is_printed_and_stored(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """Share, misses and the best template of each shop are printed and stored; exit code 1."""
    (tmp_path / "feed.xml").write_bytes(feed([*(f"10001{n}" for n in (*range(6000, 6020), *range(7000, 7020))), 7001]))
    result = run("--feed", str(tmp_path / "feed.xml"))
    assert result.exit_code == 1
    assert "7 product keys in 7 days, 28.6 % in the feed" in result.output
    assert "6001, 6002, 6003, 7002, 7003" in result.output
    assert "8888" not in result.output
    assert 'Would match best: product_key = "1{store:04d}{product_id}"' in result.output
    assert "globex" in result.output
    stored = feed_check_results.latest(filled)
    assert stored["acme"].better == TemplateTrial("1{store:04d}{product_id}", 14)
    assert (stored["acme"].sent, stored["acme"].items, stored["acme"].template) == (7, 41, "{product_id}")
    assert stored["globex"].share is None


def test_result_replaces_the_earlier_one(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """One result a shop; a run for one shop leaves the others' alone."""
    (tmp_path / "bad.xml").write_bytes(feed(["9"]))
    (tmp_path / "good.xml").write_bytes(feed(range(6000, 8000)))
    assert run("--feed", str(tmp_path / "bad.xml")).exit_code == 1
    assert "No template matches" in run("--feed", str(tmp_path / "bad.xml")).output
    result = run("--feed", str(tmp_path / "good.xml"), "--shop", "acme", "--days", "1", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["share"] == 1
    stored = feed_check_results.latest(filled)
    assert (stored["acme"].share, stored["acme"].days, stored["globex"].items) == (1, 1, 1)


@on_sqlite
@pytest.mark.parametrize("at_least", ["90", "50"])
def test_exit_code_with_at_least(filled: Inbox, run: Run, tmp_path: Path, at_least: str) -> None:
    """Below --at-least it is 1."""
    (tmp_path / "feed.xml").write_bytes(feed([6001, 6002, 6003, 7001]))
    result = run("--feed", str(tmp_path / "feed.xml"), "--at-least", at_least)
    assert "71.4 %" in result.output
    assert result.exit_code == (at_least == "90")


@on_sqlite
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_feed_is_downloaded(filled: Inbox, run: Run, encoding: str) -> None:
    """From an address, packed or compressed on the way; credentials in the address are not in the result."""
    with serving(gzip.compress(feed(range(6000, 8000))), Content_Encoding=encoding) as server:
        url = f"{server.replace('//', '//user:pass@')}/feed.xml.gz?token=hidden"
        result = run("--feed", url, "--shop=acme")
    assert result.exit_code == 0, result.output
    assert "/feed.xml.gz: 2000 items" in result.output
    assert "hidden" not in result.output + feed_check_results.latest(filled)["acme"].feed
    assert "pass" not in result.output + feed_check_results.latest(filled)["acme"].feed


@on_sqlite
def test_feed_from_stdin(filled: Inbox, run: Run) -> None:
    """- is a feed from another program."""
    result = CliRunner().invoke(main, ["match", "--feed=-", "--shop=acme"], input=feed(range(6000, 8000)))
    assert result.exit_code == 0
    assert "stdin: 2000 items" in result.output


@on_sqlite
def test_unreadable_feed_changes_nothing(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """No file, no server or no items give a message, exit code 1, and no result."""
    (tmp_path / "cut.xml").write_bytes(feed(range(100))[:-200])
    (tmp_path / "empty.xml").write_bytes(feed([]))
    with serving(b"gone", 404) as gone:
        for where, words in {
            str(tmp_path / "none.xml"): "No such file",
            str(tmp_path / "cut.xml"): "unclosed token",
            str(tmp_path / "empty.xml"): "no <item> with an <id>",
            gone: "status 404",
            "http://127.0.0.1:9/": "no connection could be made (Connection refused)",
        }.items():
            result = run("--feed", where)
            assert result.exit_code == 1
            assert words in result.output
    assert run("--feed=x", "--shop=unknown").exit_code == 2
    assert not feed_check_results.latest(filled)
