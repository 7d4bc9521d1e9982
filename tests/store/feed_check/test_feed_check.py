"""match: product keys that were sent, against real feeds from files and over HTTP."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from tests.support.deliveries import arrival, claim_one, settle
from tests.support.feeds import HEAD, feed, parts
from tests.support.processes import ROOT
from tests.support.web_server import serving
from webhook_app.cli import main
from webhook_app.config import shops
from webhook_app.errors import FeedUnreadableError
from webhook_app.feed_check import Comparison
from webhook_app.feed_check import feed_reader as reading
from webhook_app.feed_check.feed_reader import item_ids, unpacked
from webhook_app.inbox import Inbox, State, feed_check_results
from webhook_app.inbox.feed_check_results import FeedCheckResult, TemplateTrial
from webhook_app.platforms import all_platforms
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


# For what has nothing to do with the store: one engine is enough.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def ids(*chunks: bytes) -> list[str]:
    return list(item_ids(unpacked(chunks)))


def test_a_feed_is_read() -> None:
    """Only the ids of items: not those of categories, not attributes that are called id."""
    assert ids(feed(["TSH0123", "<![CDATA[A&B]]>", "\n 7 \n", "&#65;&amp;"])) == ["TSH0123", "A&B", "7", "A&"]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_make_no_difference(size: int) -> None:
    """Wherever the stream is cut, the ids are the same; packed or not, also in several gzip members."""
    plain = feed(["TSH0123", "Zoë", "1" * 300])
    packed = gzip.compress(plain[:900]) + gzip.compress(plain[900:])
    for whole in (plain, packed):
        assert ids(*(whole[at : at + size] for at in range(0, len(whole), size))) == ["TSH0123", "Zoë", "1" * 300]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings_are_understood(encoding: str) -> None:
    """As the XML declaration or the byte order mark says."""
    declared = encoding.removesuffix("-sig")
    text = feed(["Zoë"]).decode().replace('encoding="utf-8"', f'encoding="{declared}"')
    assert ids(text.encode(encoding)) == ["Zoë"]


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ATTACKS = {
    "billion laughs": f'<!DOCTYPE t [<!ENTITY l0 "ha">{LAUGHS}]><tweakwise><items><item><id>&l9;</id>',
    "external entity": '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><tweakwise><items><item><id>&x;</id>',
    "external dtd": '<!DOCTYPE t SYSTEM "http://127.0.0.1:9/x.dtd"><tweakwise>',
    "parameter entity": '<!DOCTYPE t [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><tweakwise>',
}


@pytest.mark.parametrize("name", ATTACKS)
def test_entity_tricks_are_refused(name: str) -> None:
    """Whatever declares entities is refused before one is used."""
    with pytest.raises(FeedUnreadableError, match="DOCTYPE"):
        ids(ATTACKS[name].encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<rss><channel/></rss>", "begins with <rss>"),
        (HEAD.encode(), "no element found"),
        (b"<tweakwise><items></tweakwise>", "line 1, column 21: mismatched tag"),
        (b"<tweakwise><items><item><id>&nbsp;</id>", "undefined entity"),
        (b"not xml", "syntax error"),
        (b"", "no element found"),
        (b"<tweakwise>" + b"<a>" * 200, "nested more than 100"),
        (b"\x1f\x8bnot gzip", "gzip file is damaged"),
        (gzip.compress(feed(["1"]))[:-30], "is incomplete"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, words: str) -> None:
    """With a sentence that says where and why."""
    with pytest.raises(FeedUnreadableError, match=words):
        ids(body)


def test_a_tag_without_end_is_refused() -> None:
    """It would have to be kept in memory whole."""
    with pytest.raises(FeedUnreadableError, match="tag or comment"):
        ids(b"<tweakwise><a b='", *[b"x" * 65536] * 100)


def test_names_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each different name stays in memory."""
    monkeypatch.setattr(reading, "MOST_NAMES", 1000)
    with pytest.raises(FeedUnreadableError, match="different names"):
        ids(b"<tweakwise>", *(b"<a%d/>" % number for number in range(1100)))


def shop(template: str = "{product_id}", fields: str = "store = 1\nmarket = 'eu'") -> shops.Shop:
    text = f"""
        [shops.acme]
        platform = "shopify"
        secrets = ["s"]
        instance_key = "1234abcd"
        product_key = "{template}"
        fields = {{ {fields.replace(chr(10), ", ")} }}
    """
    return shops.parse(text, "SHOPS", all_platforms())["acme"]


def lines(count: int = 30) -> list[dict[str, str]]:
    """Order lines as translation sees them, with the shop's own fields."""
    return [
        {
            "product_id": str(7000 + 3 * n),
            "variant_id": str(91000 + 7 * n),
            "sku": f"SKU-{n:03d}",
            "locale": "nl-NL",
            "currency": "EUR",
            "store": "1",
            "market": "eu",
        }
        for n in range(count)
    ]


def compared(ids_: list[str], template: str = "{product_id}", sent: Counter[str] | None = None) -> FeedCheckResult:
    one = shop(template)
    comparison = Comparison(one, sent or Counter(), lines())
    for item_id in ids_:
        comparison.add(item_id)
    return comparison.result("feed.xml", len(ids_), 7, 5)


@pytest.mark.parametrize(
    ("how", "best"),
    [
        (lambda line: line["variant_id"], "{variant_id}"),
        (lambda line: line["sku"], "{sku}"),
        (lambda line: f"10001{line['product_id']}", "1{store:04d}{product_id}"),
        (lambda line: f"eu_nl-NL_{line['variant_id']}", "{market}_{locale}_{variant_id}"),
        (lambda line: f"{line['variant_id']}-{line['product_id']}", "{variant_id}-{product_id}"),
        (lambda line: f"a1b2c3d4-{line['product_id']}", "a1b2c3d4-{product_id}"),
        (lambda line: f"{line['sku']}/{{web}}", "{sku}/{{web}}"),
        (lambda line: f"nl|{line['variant_id']}|web", "nl|{variant_id}|web"),
    ],
)
def test_the_best_template_is_found(how: Callable[[dict[str, str]], str], best: str) -> None:
    """Known makes of feeds, the shop's own fields, and prefixes that only the feed knows; among other products."""
    others = [f"1000{n}" for n in range(2000)]
    found = compared([*others, *map(how, lines())])
    assert found.better == TemplateTrial(best, 30)
    assert shop(best).product_key.fill(lines()[0]) == how(lines()[0])


def test_a_right_template_is_left_alone() -> None:
    """No other one is proposed when none is better, even if several fit."""
    found = compared([line["product_id"] for line in lines()])
    assert found.own == TemplateTrial("{product_id}", 30)
    assert found.better is None
    assert compared([f"x-{line['product_id']}" for line in lines()], "x-{product_id}").better is None


def test_shares_are_counted() -> None:
    """What was sent twice counts twice; the most frequent misses come first, and an id that comes twice is one."""
    found = compared(["1", "2", "2"], sent=Counter({"1": 5, "2": 1, "3": 2, "4": 2, "5": 4}))
    assert (found.sent, found.sent_found, found.keys, found.keys_found) == (14, 6, 5, 2)
    assert found.misses == ("5", "3", "4")
    assert found.share == pytest.approx(6 / 14)


def test_prefixes_do_not_grow_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many ids that hold a known number by chance push out nothing that fits often."""
    monkeypatch.setattr("webhook_app.feed_check.comparison.MOST_PREFIXES", 100)
    chance = [f"{n}-7000" for n in range(5000)]
    right = [f"shop7-{line['product_id']}" for line in lines()]
    found = compared([*right[:10], *chance, *right[10:]])
    assert found.better == TemplateTrial("shop7-{product_id}", 30)


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
    for name in ("SHOPS_FILE", "PORT", "TWEAKWISE_URL", "DYNO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", SHOPS)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(main, ["match", *arguments])


@pytest.fixture
def filled(run: Run, inbox: Inbox, clock: Clock) -> Inbox:
    """Three purchases and a view that were delivered in the last week, one before it, and one that was not."""
    clock.now = now_ms() - 30 * 24 * 3600 * 1000
    put(inbox, "old", 9, {"ProductKeys": ["1"]})
    clock.now = now_ms() - 1000
    for number in (1, 2, 3):
        put(inbox, str(number), number, {"ProductKeys": [str(6000 + number), str(7000 + number)]})
    put(inbox, "view", 4, {"ProductKey": "7001"}, event="pageview")
    put(inbox, "dead", 5, {"ProductKeys": ["8888"]}, state=State.DEAD)
    return inbox


def put(inbox: Inbox, identity: str, number: int, body: dict[str, Any], **how: Any) -> None:
    inbox.store(arrival(identity, body=order(number, 6000 + number, 7000 + number)))
    call = Call(how.get("event", "purchase"), f"purchase:{identity}", {**body, "ProfileKey": "k"})
    settle(inbox, claim_one(inbox), how.get("state", State.DELIVERED), call=call, attempted=True)


def test_the_command_tells_how_it_stands(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """Share, misses and the template that would have matched, per shop; exit code 1, and all of it is kept."""
    (tmp_path / "feed.xml").write_bytes(feed([*(f"10001{n}" for n in (*range(6000, 6020), *range(7000, 7020))), 7001]))
    result = run("--feed", str(tmp_path / "feed.xml"))
    assert result.exit_code == 1
    assert "7 product keys in 7 days, 28.6 % in the feed" in result.output
    assert "6001, 6002, 6003, 7002, 7003" in result.output
    assert "8888" not in result.output
    assert 'Would match best: product_key = "1{store:04d}{product_id}"' in result.output
    assert "globex" in result.output
    kept = feed_check_results.latest(filled)
    assert kept["acme"].better == TemplateTrial("1{store:04d}{product_id}", 12)
    assert (kept["acme"].sent, kept["acme"].items, kept["acme"].template) == (7, 41, "{product_id}")
    assert kept["globex"].share is None


def test_the_last_result_replaces_the_earlier_one(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """One result a shop; a run for one shop leaves the others' alone."""
    (tmp_path / "bad.xml").write_bytes(feed(["9"]))
    (tmp_path / "good.xml").write_bytes(feed(range(6000, 8000)))
    assert run("--feed", str(tmp_path / "bad.xml")).exit_code == 1
    assert "No template matches" in run("--feed", str(tmp_path / "bad.xml")).output
    result = run("--feed", str(tmp_path / "good.xml"), "--shop", "acme", "--days", "1", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output)["share"] == 1
    kept = feed_check_results.latest(filled)
    assert (kept["acme"].share, kept["acme"].days, kept["globex"].items) == (1, 1, 1)


@on_sqlite
@pytest.mark.parametrize("at_least", ["90", "50"])
def test_the_exit_code_is_for_ci(filled: Inbox, run: Run, tmp_path: Path, at_least: str) -> None:
    """Below --at-least it is 1."""
    (tmp_path / "feed.xml").write_bytes(feed([6001, 6002, 6003, 7001]))
    result = run("--feed", str(tmp_path / "feed.xml"), "--at-least", at_least)
    assert "71.4 %" in result.output
    assert result.exit_code == (at_least == "90")


@on_sqlite
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_feed_is_loaded(filled: Inbox, run: Run, encoding: str) -> None:
    """From an address, as a gzip file or compressed on the way; what the address hides is kept out of the result."""
    with serving(gzip.compress(feed(range(6000, 8000))), Content_Encoding=encoding) as server:
        url = f"{server.replace('//', '//user:pass@')}/feed.xml.gz?token=hidden"
        result = run("--feed", url, "--shop=acme")
    assert result.exit_code == 0, result.output
    assert "/feed.xml.gz: 2000 items" in result.output
    assert "hidden" not in result.output + feed_check_results.latest(filled)["acme"].feed
    assert "pass" not in result.output + feed_check_results.latest(filled)["acme"].feed


@on_sqlite
def test_stdin_is_read(filled: Inbox, run: Run) -> None:
    """- is a feed from another program."""
    result = CliRunner().invoke(main, ["match", "--feed=-", "--shop=acme"], input=feed(range(6000, 8000)))
    assert result.exit_code == 0
    assert "stdin: 2000 items" in result.output


@on_sqlite
def test_trouble_is_said_and_changes_nothing(filled: Inbox, run: Run, tmp_path: Path) -> None:
    """No file, no server, no items: a sentence, exit code 1, and no result is kept."""
    (tmp_path / "cut.xml").write_bytes(feed(range(100))[:-200])
    (tmp_path / "empty.xml").write_bytes(feed([]))
    with serving(b"gone", 404) as gone:
        for where, words in {
            str(tmp_path / "none.xml"): "No such file",
            str(tmp_path / "cut.xml"): "unclosed token",
            str(tmp_path / "empty.xml"): "no <item> with an <id>",
            gone: "status 404",
            "http://127.0.0.1:9/": "cannot be loaded (ConnectionError)",
        }.items():
            result = run("--feed", where)
            assert result.exit_code == 1
            assert words in result.output
    assert run("--feed=x", "--shop=nobody").exit_code == 2
    assert not feed_check_results.latest(filled)


def test_memory_does_not_grow_with_the_feed(tmp_path: Path) -> None:
    """Ten times the feed takes the same memory: measured as the peak of a process of its own."""
    program = """
import resource, sys
from webhook_app.cli.support.feed_input import chunks
from webhook_app.feed_check.feed_reader import item_ids, unpacked
count = sum(1 for _ in item_ids(unpacked(chunks(sys.argv[1]))))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    peaks = []
    for count in (1_000, 20_000):
        path = tmp_path / f"{count}.xml.gz"
        with gzip.open(path, "wb", compresslevel=1) as sink:
            sink.writelines(parts(range(count), "long " * 100))
        said = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, check=True)
        seen, peak = map(int, said.stdout.split())
        assert seen == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 4096  # KiB, of 16 MB more of feed
