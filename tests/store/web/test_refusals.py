"""KEEP_REFUSED: the last refused requests of a shop, bounded whatever is sent, and wiped in time and on request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from schemas.events import Redaction
from tests.support.dashboard import Browser, configured
from tests.support.recordings import EVERY
from webhook_app.delivery.privacy_subject import Subject
from webhook_app.delivery.privacy_worker import PrivacyWorker
from webhook_app.inbox.operations import refused_requests
from webhook_app.inbox.privacy import privacy_requests
from webhook_app.inbox.privacy.privacy_requests import RequestKind
from webhook_app.masking import MASK
from webhook_app.web.refusals import LARGEST_BODY, MOST_BYTES, PERIOD, Refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from tests.conftest import Clock
    from webhook_app.inbox import Inbox

SHOP = EVERY[0].shop
HOUR = 3600
URL = "/webhooks/shopify/demo-shopify"
SIGNED = {"X-Shopify-Hmac-Sha256": "AAAA", "X-Shopify-Topic": "orders/create"}


class Now:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> Iterator[Flask]:
    """A receiver that stores the last two refused requests of each shop."""
    app = configured(monkeypatch, sqlite_url, KEEP_REFUSED="2")
    yield app
    app.extensions["webhooks"].inbox.close()


def numbers(inbox: Inbox) -> list[int]:
    return [one.id for one in refused_requests.newest(inbox)]


def test_the_last_of_a_shop_are_stored(inbox: Inbox) -> None:
    """Newer ones take the places of older ones; none is stored where it is switched off."""
    now = Now()
    refusals, off = Refusals(inbox, 2, now), Refusals(inbox, 0, now)
    for body in (b"a", b"bb", b"ccc"):
        off.add(SHOP, "signature_mismatch", {}, body)
        refusals.add(SHOP, "signature_mismatch", {}, body)
        refusals.flush()
        off.flush()
        now.seconds += PERIOD
    found = refused_requests.newest(inbox)
    assert [(one.size, one.reason) for one in found] == [(3, "signature_mismatch"), (2, "signature_mismatch")]
    stored = refused_requests.get(inbox, found[0].id)
    assert stored
    assert stored.body == b"ccc"


@pytest.mark.engines("sqlite")
def test_a_flood_is_bounded(inbox: Inbox) -> None:
    """In requests of a shop, and in bytes of all shops; a large body only leaves its size."""
    now = Now()
    refusals = Refusals(inbox, 50, now)
    for _ in range(1000):
        refusals.add(SHOP, "signature_mismatch", {}, b"x" * LARGEST_BODY)
    refusals.flush()
    assert 0 < len(numbers(inbox)) <= MOST_BYTES // LARGEST_BODY
    now.seconds += PERIOD
    refusals.add(SHOP, "signature_mismatch", {}, b"x" * (LARGEST_BODY + 1))
    for _ in range(100):
        refusals.add(SHOP, "signature_mismatch", {}, b"")
    refusals.flush()
    found = [refused_requests.get(inbox, number) for number in numbers(inbox)]
    assert len(found) == 50
    assert {one.size: one.body for one in found if one} == {0: b"", LARGEST_BODY + 1: None}


@pytest.mark.engines("sqlite")
def test_headers_that_explain_nothing_are_masked(inbox: Inbox) -> None:
    """Before they are stored: cookies, passwords and addresses are in no file."""
    given = {
        **{name.lower(): value for name, value in SIGNED.items()},
        **dict.fromkeys(("cookie", "authorization", "x-forwarded-for", "x-api-key-signature"), "canary"),
        "x-shopify-odd": "v" * 600,
        "x-webhook-nul": "a\0b",
    }
    refusals = Refusals(inbox, 5)
    refusals.add(SHOP, "signature_mismatch", given, b"{}")
    refusals.add(SHOP, "signature_mismatch", {f"signature-{number}": "1" for number in range(500)}, b"{}")
    refusals.flush()
    many, stored = [one.received for one in refused_requests.newest(inbox)]
    assert "canary" not in json.dumps(dict(stored))
    assert (stored["x-shopify-hmac-sha256"], stored["cookie"], stored["x-shopify-odd"]) == ("AAAA", MASK, MASK)
    assert len(many) < 50


def test_bodies_are_wiped_after_an_hour(inbox: Inbox, clock: Clock) -> None:
    """And not read any longer while no worker wipes them; headers go after a day."""
    refusals = Refusals(inbox, 5)
    refusals.add(SHOP, "signature_mismatch", {}, b"body-canary")
    refusals.flush()
    [number] = numbers(inbox)
    refused_requests.wipe(inbox)
    assert (one := refused_requests.get(inbox, number))
    assert one.body == b"body-canary"
    clock.move(HOUR + 1)
    assert (one := refused_requests.get(inbox, number))
    assert one.body is None
    refused_requests.wipe(inbox)
    clock.move(-HOUR)
    assert (one := refused_requests.get(inbox, number))
    assert one.body is None
    clock.move(25 * HOUR)
    refused_requests.wipe(inbox)
    assert numbers(inbox) == []


def test_a_redaction_deletes_them(inbox: Inbox) -> None:
    """Any of them may be about the customer; those of other shops stay, and a report deletes none."""
    refusals = Refusals(inbox, 5)
    for shop in EVERY[:1]:
        refusals.add(shop.shop, "signature_mismatch", {}, b"{}")
    refusals.flush()
    subject = Subject(Redaction("acme.example", "1")).as_json()
    worker = PrivacyWorker(inbox, {SHOP.name: SHOP, "other": SHOP})
    worker.carry_out(privacy_requests.add(inbox, RequestKind.ERASE, "other", subject).id)
    worker.carry_out(privacy_requests.add(inbox, RequestKind.REPORT, SHOP.name, subject).id)
    assert len(numbers(inbox)) == 1
    worker.carry_out(privacy_requests.add(inbox, RequestKind.ERASE, SHOP.name, subject).id)
    assert numbers(inbox) == []


def test_one_click_explains_a_signature(app: Flask) -> None:
    """From the list of a shop to what `verify` finds; nothing of the body or of a secret is on the page."""
    context = app.extensions["webhooks"]
    answer = app.test_client().post(URL, data=b'{"id": "body-canary"}', headers={**SIGNED, "Cookie": "a=canary"})
    assert answer.status_code == 401
    context.refusals.flush()
    browser = Browser(app)
    browser.sign_in()
    [number] = numbers(context.inbox)
    assert f'href="/dashboard/refused/{number}"' in browser.get("/refused?shop=demo-shopify").text
    page = browser.get(f"/refused/{number}").text
    assert "Why the signature was refused" in page
    assert "What to do:" in page
    assert "canary" not in page
    assert "demo-shopify-secret" not in page
    assert browser.get("/refused/999").status_code == 404


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/wp-login.php", URL, "/webhooks/shopify/none", "/dashboard/x"])
def test_a_browser_gets_a_page(app: Flask, path: str) -> None:
    """A small one, the same whichever shops there are; a program gets JSON as before."""
    client = app.test_client()
    page = client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.mimetype == "text/html"
    assert page.status_code == {"/": 200}.get(path, 405 if path.startswith("/webhooks") else 404)
    assert "demo-" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    program = client.get(path, headers={"Accept": "*/*"})
    assert (program.mimetype, program.status_code) == (
        "application/json",
        405 if path.startswith("/webhooks") else 404,
    )
