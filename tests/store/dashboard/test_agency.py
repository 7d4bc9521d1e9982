"""The pages and the read API of an agency with many shops, on both engines: the same values in both."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import demo_shops
from tests.support.dashboard import Browser, configured
from webhook_app import formatting
from webhook_app.dashboard.shop_table import STATES
from webhook_app.inbox.operations import audit_log, muted_findings
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Read = Callable[[str], dict[str, Any]]

SHOPS, TOKEN = 30, "a-token-of-machines"
TAG, TIME = re.compile(r"<[^>]+>"), re.compile(r'<time datetime="([^"]+)"')
ROW = re.compile(r"<tr>\s*(<th scope=\"row\">.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
SUM = re.compile(r"<b>(?:<a [^>]+>)?([\d,]+)(?:</a>)?</b><span>(\w+)</span>")


@pytest.fixture
def agency(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> Iterator[tuple[Browser, Read]]:
    """A signed-in browser and what reads the API, of many shops with problems; a finding is muted."""
    file = tmp_path / "shops.toml"
    file.write_text(demo_shops.document(SHOPS))
    file.chmod(0o600)
    demo_shops.fill(database_url, SHOPS, int(time.time() * 1000))
    app = configured(monkeypatch, database_url, SHOPS_FILE=str(file), API_TOKEN=TOKEN)
    inbox, browser = app.extensions["webhooks"].inbox, Browser(app)
    event = audit_log.AuditEvent(audit_log.AuditAction.MUTE, "")
    muted_findings.mute(inbox, ["events jardin-nl"], inbox.clock() + 8 * HOUR, event)
    browser.sign_in()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    yield browser, lambda path: app.test_client().get(f"/api/{path}", headers=headers).get_json()
    inbox.close()


def words(html: str) -> str:
    return " ".join(unescape(TAG.sub(" ", html)).split())


def cells(page: str) -> dict[str, list[str]]:
    """The cells of each shop of the overview."""
    rows = [CELL.findall(row) for row in ROW.findall(page)]
    return {words(row[0]): row[1:] for row in rows}


def test_the_api_has_the_values_of_the_pages(agency: tuple[Browser, Read]) -> None:
    """Every column of the table of shops, what needs attention, the list of deliveries, and a day's accounts."""
    browser, read = agency
    page = browser.get("").text
    rows, shops = cells(page), {one["name"]: one for one in read("shops")["shops"]}
    assert rows.keys() == shops.keys()
    for name, (state, orders, share, waiting, refused, last, reported) in rows.items():
        one = shops[name]
        text = words(state)
        assert text.startswith(" ".join([STATES[one["state"]], ", ".join(one["problems"])]).strip()), name
        assert [check for check in one["muted"] if check["check"] not in text] == []
        assert TIME.findall(state) == [check["until"] for check in one["muted"] if check["until"]]
        assert [words(cell) for cell in (orders, share, waiting, refused, reported)] == [
            formatting.number(one["orders"]),
            formatting.percent(one["orders_delivered_share"], 1),
            formatting.number(one["unfinished"]),
            formatting.number(one["refused"]),
            formatting.percent(one["reported_share"]),
        ], name
        assert TIME.findall(last) == [at for at in [one["last_order"]] if at]
    assert {one["state"] for one in shops.values()} >= {"ok", "muted"}
    assert [name for name, one in shops.items() if one["muted"]] == ["jardin-nl"]
    assert any(one["reported_share"] for one in shops.values())
    _compare_the_rest(browser, read)


def _compare_the_rest(browser: Browser, read: Read) -> None:
    shown = unescape(browser.get("").text)
    findings = read("health")["findings"]
    assert findings
    assert [one["text"] for one in findings if one["text"] not in shown and one["severity"] == "error"] == []
    numbers = re.findall(r'role="rowheader"><a [^>]+>(\d+)<', browser.get("/deliveries?state=delivered").text)
    assert numbers
    rows = read(f"deliveries?state=delivered&limit={len(numbers)}")["deliveries"]
    assert [str(one["id"]) for one in rows] == numbers
    day = formatting.date_and_time(int(time.time() * 1000) - DAY)[:10]
    accounts, page = read(f"accounting?day={day}"), browser.get(f"/accounting?day={day}&set=all").text
    sums = [(kind, int(number.replace(",", ""))) for number, kind in SUM.findall(page)]
    total, listed = accounts["total"], accounts["platform_total"]
    kinds = ("received", "delivered", "ignored", "waiting", "dead")
    assert sums == [
        *((kind, total[kind]) for kind in kinds),
        *((kind, listed[kind]) for kind in ("listed", *kinds[1:], "missing")),
    ]
    assert total["received"] == sum(one["number"] for one in accounts["entries"]) > 0


def test_a_line_of_the_accounts_is_a_shop(agency: tuple[Browser, Read]) -> None:
    """Of many shops, those with dead or waiting deliveries first; the page of one has its topics."""
    browser, read = agency
    day = formatting.date_and_time(int(time.time() * 1000) - 2 * DAY)[:10]
    page = unescape(browser.get(f"/accounting?day={day}&set=all").text)
    entries = read(f"accounting?day={day}")["entries"]
    table = page.partition('aria-label="Figures by shop and topic"')[2].partition("</tbody>")[0]
    links = re.findall(
        r'<td class="nowrap"><a href="/dashboard(/accounting[^"]+)">([^<]+)</a></td><td>(\d+)</td>', table
    )
    topics = {shop: {one["topic"] for one in entries if one["shop"] == shop} for shop in {e["shop"] for e in entries}}
    assert len(topics) > 10
    assert {shop: int(number) for _, shop, number in links} == {shop: len(those) for shop, those in topics.items()}
    dead = [shop for _, shop, _ in links if any(e["shop"] == shop and e["state"] == "dead" for e in entries)]
    assert [shop for _, shop, _ in links][: len(dead)] == dead
    path, shop, _ = links[0]
    own = unescape(browser.get(path).text)
    assert all(f">{topic}</a></td>" in own for topic in topics[shop])


def test_days_are_named_in_their_zone(agency: tuple[Browser, Read]) -> None:
    """The footer says that days are UTC on the pages alone where they are."""
    browser, _ = agency
    paths = ("", "/shops/jardin-nl", "/accounting", "/deliveries", "/issues")
    assert [("Days and charts are UTC" in browser.get(path).text) for path in paths] == [
        True,
        True,
        False,
        False,
        False,
    ]
