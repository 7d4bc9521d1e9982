"""Every page of the web process, with every option switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard import Browser, configured
from webhook_app.web import webhooks

if TYPE_CHECKING:
    from flask import Flask

TOKEN = "a-token-of-metrics-0123456789"
OPTIONS = {
    "METRICS_TOKEN": TOKEN,
    "API_TOKEN": TOKEN,
    "PUBLIC_URL": "https://hooks.example",
    "TRUSTED_PROXIES": "1",
}
ARGUMENTS = {
    "platform": "shopify",
    "shop": "demo-shopify",
    "number": 7,
    "action": "search",
    "token": "no-token",
    "filename": "no-file",
}
VALUES = tuple(map(str, ARGUMENTS.values()))
NONE = (401, 404, 405)  # unsigned, unknown, or for POST: only where the address has an argument
SEND_AGAIN = "please send it again"
EVENTS = ("/webhooks/", "/storefront/", "/handshake/")  # what is sent there is to be stored


@pytest.fixture
def every_option(monkeypatch: pytest.MonkeyPatch, app: Flask) -> Flask:
    """An app with every page switched on, on the inbox of `app`."""
    inbox = app.extensions["webhooks"].inbox
    return configured(monkeypatch, str(inbox.database.engine.url), **OPTIONS)


def pages(app: Flask) -> list[str]:
    """Every address that answers GET, with and without arguments."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())]
    built = [rule.build({name: ARGUMENTS[name] for name in rule.arguments}) for rule in rules]
    return sorted({found[1] for found in built if found})


def test_every_page_has_an_answer(every_option: Flask) -> None:
    """No option of one page breaks another."""
    browser = Browser(every_option)
    browser.sign_in()
    token = {"Authorization": f"Bearer {TOKEN}"}
    answers = {path: browser.client.get(path, headers=token).status_code for path in pages(every_option)}
    assert len(answers) > 30
    assert {path: code for path, code in answers.items() if code not in (200, 303, *NONE)} == {}
    assert not [path for path, code in answers.items() if code in NONE and not set(path.split("/")) & set(VALUES)]


def test_a_fault_of_a_page_does_not_ask_for_the_event_again(
    every_option: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where an event was to be stored is it true that none was."""
    for rule in every_option.url_map.iter_rules():
        monkeypatch.setitem(every_option.view_functions, rule.endpoint, broken)
    client = every_option.test_client()
    texts = {path: client.get(path).text for path in pages(every_option)}
    assert not [path for path, text in texts.items() if SEND_AGAIN in text and not path.startswith(EVENTS)]
    assert SEND_AGAIN in client.post(webhooks.URL.replace("<platform>/<shop>", "shopify/demo-shopify")).text


def test_the_host_of_a_client_or_proxy_is_on_no_page(every_option: Flask) -> None:
    """Addresses are those of PUBLIC_URL; X-Forwarded-Host and the like are never read."""
    names = ("X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Original-Host", "Forwarded")
    forged = {name: "host=evil.example" if name == "Forwarded" else "evil.example" for name in names}
    browser = Browser(every_option)
    browser.sign_in()
    for path in pages(every_option):
        answer = browser.client.get(path, headers={**forged, "X-Forwarded-For": "198.51.100.7", "Host": "evil.example"})
        assert "evil" not in f"{answer.text}{answer.headers}", path


def test_cookies_behind_a_proxy_are_for_https(every_option: Flask) -> None:
    """A proxy that names localhost as the host, and no scheme, leads to the address of PUBLIC_URL."""
    for headers, secure in (({"X-Forwarded-For": "198.51.100.7"}, True), ({}, False)):
        answer = every_option.test_client().get("/dashboard/login", headers=headers)
        assert ("; Secure" in answer.headers["Set-Cookie"]) is secure


def broken(**_: object) -> None:
    raise RuntimeError
