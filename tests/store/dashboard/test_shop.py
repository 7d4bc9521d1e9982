"""The page of a shop, the links to it that open without a login, and the app that a merchant installs."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from typing import TYPE_CHECKING, Any

import requests

from tests.support.dashboard import CSRF, Browser, configured
from webhook_app.inbox.operations import audit_log, shared_pages
from webhook_app.inbox.sealing import Sealer
from webhook_app.inbox.shop_records import reconciliations, registrations
from webhook_app.inbox.shop_records.reconciliations import Reconciliation, ReconciliationState, WebhookStatus
from webhook_app.platforms import all_platforms
from webhook_app.platforms.registration import Registration
from webhook_app.time_units import DAY, MINUTE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from flask import Flask

    from webhook_app.inbox import Inbox

SHOP = "/shops/demo-shopify"
ITEM = re.compile(r'<li class="(\w+)"><span class="tick">[^<]+</span> <b>([^<]+)</b> <span>(.*?)</span></li>')
# What only those can use who operate the receiver.
COMMANDS = ("python -m", "`", "docs/", "webhook_app", "KEEP_", "see below", "send-sample", "--shop")
LINK = re.compile(r'<code id="link">[^<]*?(/dashboard/shared/[^<]+)</code>')


def checklist(browser: Browser, shop: str = "demo-shopify") -> dict[str, tuple[str, str]]:
    page = unescape(browser.get(f"/shops/{shop}").text)
    return {title: (state, text) for state, title, text in ITEM.findall(page)}


def test_the_checklist_ticks_itself(filled: tuple[Browser, Inbox]) -> None:
    """What arrived is done, what never did is open, and what cannot be known is neither."""
    browser, inbox = filled
    reconciliations.save(inbox, state_of("demo-shopify", inbox.clock()))
    items = checklist(browser)
    done = {title for title, (state, _) in items.items() if state == "done"}
    assert {"Address reached", "First verified webhook", "Topic orders/create", "First delivery to Tweakwise"} <= done
    assert [title for title, (state, _) in items.items() if state == "open" and title.startswith("Topic")]
    assert items["Webhooks active at the platform"] == ("open", "Not active: orders/paid (disabled).")
    assert re.match(r"\d+\.\d\d % of \d+ orders of 30 days \(orders/create\)", items["Orders with a profile key"][1])
    assert items["Product keys in the feed"][0] == "unknown"
    assert items["Purchases of visitors who were seen before"][0] == "unknown"
    assert items["Compared with the platform's orders"][0] == "open"
    assert (items["Double counting"][0], "counts twice" in items["Double counting"][1]) == ("unknown", True)
    assert checklist(browser, "demo-standard")["Address reached"][0] == "open"
    assert "App registered" not in items


def state_of(shop: str, now: int) -> ReconciliationState:
    webhooks = (
        WebhookStatus("orders/create", "active", is_active=True),
        WebhookStatus("orders/paid", "disabled", is_active=False),
    )
    return ReconciliationState(shop, tried_at=now, complete_at=now, webhooks=webhooks)


def test_trends_are_by_day(filled: tuple[Browser, Inbox]) -> None:
    """Reported orders, times and failures, also of what is not settled; without data the page has a sentence."""
    browser, inbox = filled
    now = inbox.clock()
    for days, missing in ((0, 0), (2, 5)):
        at = now - days * DAY
        compared = Reconciliation(
            "demo-shopify", "changes", at - 15 * MINUTE, at, at, 900, 10, 10 - missing, 0, missing, 0
        )
        reconciliations.add(inbox, compared)
    page = browser.get(SHOP).text
    cells = re.findall(r'<tr><td class="nowrap">[\d-]+</td>((?:<td[^>]*>[^<]*</td>)+)</tr>', page)
    shown = [re.findall(r">([^<]*)</td>", line) for line in cells]
    assert len(shown) == 30
    assert (shown[0][0], shown[2][0]) == ("100 %", "50.00 %")
    assert "timeout (2)" in shown[0][3]
    assert any(line[1].startswith("≤") for line in shown)
    assert page.count("<svg") == 4
    empty = unescape(browser.get("/shops/demo-standard").text)
    assert "No data: nothing was delivered in these days." in empty
    assert "None in these days: no attempt failed." in empty
    assert "No webhook was received in the last 24h." in empty


def made(browser: Browser, validity: str = "7d") -> str:
    answer = browser.post(f"{SHOP}/links", SHOP, **{"for": validity})
    found = LINK.search(answer.text)
    assert found, answer.status_code
    return found[1].removeprefix("/dashboard")


def test_a_link_opens_one_page_without_a_login(filled: tuple[Browser, Inbox]) -> None:
    """Read-only: no form, no link to another page, no cookie; until it is ended. Both are audit events."""
    browser, inbox = filled
    path, merchant = made(browser), Browser(browser.client.application)
    answer = merchant.get(path)
    page = unescape(answer.text)
    assert (answer.status_code, "Set-Cookie" in answer.headers, answer.headers["Cache-Control"]) == (
        200,
        False,
        "no-store",
    )
    assert "Checklist" in page
    assert [text for text in COMMANDS if text in page.partition("<main")[2]] == []
    assert "python -m webhook_app match" in unescape(browser.get(SHOP).text)
    assert [
        text
        for text in ('<form method="post"', "csrf", "/dashboard/deliveries", "demo-woocommerce", "purchase:")
        if text in page
    ] == []
    assert {*re.findall(r'href="(/[^"?]+)', page)} == {"/dashboard/static/icon.svg", "/dashboard/static/dashboard.css"}
    for other in ("", "/deliveries", "/accounting", "/shops/demo-shopify", "/actions"):
        assert merchant.get(other).status_code == 303, other
    number = re.search(rf"{SHOP}/links/(\w+)/end", browser.get(SHOP).text)
    assert number
    assert not shared_pages.end(inbox, number[1], "another-shop")
    assert browser.post(f"{SHOP}/links/{number[1]}/end", SHOP).status_code == 303
    assert merchant.get(path).status_code == 404
    assert browser.post(f"{SHOP}/links/{number[1]}/end", SHOP).status_code == 404
    assert {"shared", "share_ended"} <= {one.action for one in audit_log.newest(inbox)}


def test_only_what_was_signed_opens(browser: Browser, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a changed one, one of another inbox, one that has expired, or one of a shop that is no longer there."""
    path, merchant = made(browser), Browser(app)
    assert merchant.get(path).status_code == 200
    token = path.rpartition("/")[2]
    forged = [
        token[:-1],
        f"{token}A",
        token.swapcase(),
        "x",
        "a.b",
        "é",
        "9" * 5000,
        "%00",
        f"{token}%0A",
        ".",
        f"{token}.{token}",
    ]
    assert {merchant.get(f"/shared/{text}").status_code for text in forged} <= {404, 308}
    assert merchant.get(f"{path}?shop=demo-woocommerce&range=1y").status_code == 200
    inbox = app.extensions["webhooks"].inbox
    late = inbox.clock() + 8 * DAY
    monkeypatch.setattr(inbox, "clock", lambda: late)
    assert merchant.get(path).status_code == 404
    assert browser.post(f"{SHOP}/links", SHOP, **{"for": "ever"}).status_code == 400
    assert browser.post("/shops/other/links", SHOP, **{"for": "7d"}).status_code == 404


def test_a_sample_is_signed_with_the_secret_that_the_app_agreed(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    """The receiver itself accepts it; without the key that decrypts the secret, a sentence names the key."""
    file = tmp_path / "shops.toml"
    file.write_text(SHOPWARE)
    sent: list[dict[str, Any]] = []

    def post(_session: object, _url: str, **sending: Any) -> None:
        sent.append(sending)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "post", post)
    agreed = Registration("id-1", "https://s.example", "agreed")
    for key, answered in (("k" * 32, (502, False)), ("x" * 32, (409, True))):
        app = configured(monkeypatch, sqlite_url, SHOPS_FILE=str(file), SECRETS_KEY=key)
        inbox = app.extensions["webhooks"].inbox
        if not sent:
            registrations.change(inbox, Sealer(key), "sw", lambda _: agreed)
        browser = Browser(app)
        browser.sign_in()
        page = browser.get("/shops/sw").text
        assert "Send a signed sample" in page
        assert ("Install the shop&#39;s app" in page, "where to paste it" in page) == (True, False)
        answer = browser.post("/setup/sw/sample", "/shops/sw", topic=PLACED)
        assert (answer.status_code, "SECRETS_KEY" in answer.text) == answered
        inbox.close()
    [sending] = sent
    headers = {name.lower(): value for name, value in sending["headers"].items()}
    assert all_platforms()["shopware"].verify(sending["data"], headers, ["agreed"]).topic == PLACED


PLACED = "checkout.order.placed"
SHOPWARE = '[shops.sw]\nplatform = "shopware"\ninstance_key = "demo0001"\napp_secret = "an-app-secret-0123456789"\n'


def test_the_app_is_downloaded_by_those_who_operate(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    """It has this shop's address and secret; a download is an audit event, and the checklist names the registration."""
    file = tmp_path / "shops.toml"
    file.write_text(SHOPWARE)
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=str(file), PUBLIC_URL="https://hooks.example")
    browser = Browser(app)
    browser.sign_in()
    answer = browser.post("/shops/sw/app", "/shops/sw")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        manifest = archive.read("TweakwiseEvents/manifest.xml").decode()
    assert "https://hooks.example/handshake/shopware/sw" in manifest
    assert "an-app-secret-0123456789" in manifest
    assert audit_log.newest(app.extensions["webhooks"].inbox)[0].action == "app"
    assert checklist(browser, "sw")["App registered"] == (
        "open",
        "The app is not installed in the shop yet. Setup below has the app to install.",
    )
    assert browser.get("/setup").headers["Location"] == "/dashboard/shops/sw#setup"
    assert CSRF.search(browser.get("/shops/sw").text)
    assert "not registered itself yet" in browser.post("/setup/sw/sample", "/shops/sw", topic=PLACED).text
    app.extensions["webhooks"].inbox.close()


WEAK = '[shops.weak]\nplatform = "shopify"\ninstance_key = "demo0001"\nsecrets = ["short"]\n'


def test_what_is_weak_is_not_behind_a_link(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    """Findings about secrets are for those who operate; those about webhooks are for the merchant too."""
    file = tmp_path / "shops.toml"
    file.write_text(WEAK)
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=str(file))
    browser = Browser(app)
    browser.sign_in()
    found = LINK.search(browser.post("/shops/weak/links", "/shops/weak", **{"for": "7d"}).text)
    assert found
    own, shared = browser.get("/shops/weak").text, app.test_client().get(found[1]).text
    assert ["Secret 1 of weak" in page for page in (own, shared)] == [True, False]
    assert ["No webhook was ever received" in page for page in (own, shared)] == [True, True]
    app.extensions["webhooks"].inbox.close()
