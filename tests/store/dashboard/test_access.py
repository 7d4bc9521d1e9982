"""Access to the dashboard: login, sessions, CSRF tokens, security headers and error pages."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tests.support.dashboard import CSRF, PAGES, PASSWORD, Browser, configured, new_app
from webhook_app.dashboard.login_limits import EVERYWHERE, IN_ALL
from webhook_app.dashboard.registration import VERSIONS
from webhook_app.dashboard.sessions import COOKIE, Sessions
from webhook_app.errors import StoreUnavailableError
from webhook_app.inbox import Inbox
from webhook_app.inbox.operations import audit_log, logins

if TYPE_CHECKING:
    from flask import Flask


def test_no_dashboard_without_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without DASHBOARD_PASSWORD every URL is a 404, the login too."""
    app = configured(monkeypatch, f"sqlite:///{tmp_path / 'inbox.db'}", DASHBOARD_PASSWORD="")
    browser = Browser(app)
    assert {browser.get(path).status_code for path in (*PAGES, "/login", "/static/dashboard.css")} == {404}


@pytest.mark.parametrize("path", PAGES)
def test_pages_without_a_session_lead_to_the_login(app: Flask, path: str) -> None:
    """Every page redirects to the login, which leads back."""
    response = Browser(app).get(path)
    assert response.status_code == 303
    assert response.location.startswith("/dashboard/login?next=")


@pytest.mark.parametrize(
    "path", ["/deliveries/1/replay", "/deliveries/1/discard", "/deliveries/1/reveal", "/setup/x/sample"]
)
def test_changes_without_a_session_are_refused(app: Flask, path: str) -> None:
    """A change redirects to the login, and is refused without a cookie."""
    browser = Browser(app)
    assert browser.client.post(f"/dashboard{path}").status_code == 403
    assert browser.post(path, "/login").status_code == 303
    assert audit_log.newest(app.extensions["webhooks"].inbox) == []


def test_password_is_checked(app: Flask) -> None:
    """A login and a failed one are recorded."""
    browser = Browser(app)
    refused = browser.sign_in("wrong")
    assert (refused.status_code, "The password is wrong." in refused.text) == (401, True)
    assert browser.get().status_code == 303
    assert browser.sign_in().location == "/dashboard"
    assert browser.get().status_code == 200
    actions = [entry.action for entry in audit_log.newest(app.extensions["webhooks"].inbox)]
    assert actions == ["login", "login_failed"]


def test_failed_logins_of_a_place_are_limited(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds for the right password and in all processes, but not for another place, and not for ever."""
    attacker = Browser(app, REMOTE_ADDR="203.0.113.9")
    assert [attacker.sign_in("wrong").status_code for _ in range(11)] == [401] * 10 + [429]
    assert attacker.sign_in().status_code == 429
    other = Browser(new_app(), REMOTE_ADDR="203.0.113.9")
    assert other.sign_in().status_code == 429
    assert Browser(app, REMOTE_ADDR="203.0.113.10").sign_in().status_code == 303
    inbox = app.extensions["webhooks"].inbox
    now = inbox.clock()
    monkeypatch.setattr(inbox, "clock", lambda: now + 16 * 60 * 1000)
    assert attacker.sign_in().status_code == 303


def test_failed_logins_of_all_places_are_limited(app: Flask) -> None:
    """Many places together have a limit as well."""
    inbox = app.extensions["webhooks"].inbox
    for _ in range(IN_ALL):
        assert logins.begin_attempt(inbox, {EVERYWHERE: IN_ALL})
    assert Browser(app).sign_in().status_code == 429


def test_a_flood_does_not_lock_out_who_signed_in_before(app: Flask) -> None:
    """A browser that has signed in has a limit of its own, and so has each other one."""
    owner = Browser(app)
    assert owner.sign_in().status_code == 303
    owner.post("/logout")
    inbox = app.extensions["webhooks"].inbox
    for _ in range(IN_ALL):
        logins.begin_attempt(inbox, {EVERYWHERE: IN_ALL})
    assert Browser(app).sign_in().status_code == 429
    assert [owner.sign_in("wrong").status_code for _ in range(11)] == [401] * 10 + [429]


def test_neighbouring_networks_do_not_use_up_the_limit_of_all(app: Flask) -> None:
    """An attacker with many networks of 64 bits uses up the limit of their common network only."""
    for number in range(250):
        Browser(app, REMOTE_ADDR=f"2001:db8:0:{number:x}::1").sign_in("wrong")
    assert Browser(app, REMOTE_ADDR="203.0.113.200").sign_in().status_code == 303


@pytest.mark.parametrize(
    "address", ["::ffff:203.0.113.9", "203.0.113.9:4711", "[::ffff:203.0.113.9]:80", "64:ff9b::cb00:7109"]
)
def test_one_address_in_any_spelling_is_one_place(app: Flask, address: str) -> None:
    """IPv4 in IPv6, and a port, give no further attempts."""
    for _ in range(10):
        Browser(app, REMOTE_ADDR="203.0.113.9").sign_in("wrong")
    assert Browser(app, REMOTE_ADDR=address).sign_in().status_code == 429


def test_attempts_at_once_do_not_pass_the_limit(migrated_url: str) -> None:
    """An attempt is counted before its password is checked."""
    with closing(Inbox(migrated_url)) as inbox, ThreadPoolExecutor(16) as threads:
        allowed = [one for one in threads.map(lambda _: logins.begin_attempt(inbox, {"a": 10}), range(60)) if one]
        assert 0 < len(allowed) <= 10
        logins.withdraw_attempt(inbox, allowed[0])
        assert logins.begin_attempt(inbox, {"a": 10})


def test_nothing_before_the_login_depends_on_the_password(app: Flask, sqlite_url: str) -> None:
    """A cookie from before the login is valid with any password; a new password ends every session."""
    inbox = app.extensions["webhooks"].inbox
    browser = Browser(app)
    browser.get("/login")
    other = Sessions("another password", lambda: logins.signing_key(inbox))
    anonymous = browser.client.get_cookie(COOKIE, path="/dashboard")
    assert anonymous
    assert other.read(anonymous.value)
    browser.sign_in()
    signed_in = browser.client.get_cookie(COOKIE, path="/dashboard")
    assert signed_in
    assert other.read(signed_in.value) is None


def test_ended_sessions_are_refused_in_any_browser(app: Flask) -> None:
    """A copied cookie ends with the session: by signing out, or on the page of sessions."""
    first, second, copy = Browser(app), Browser(app), Browser(new_app())  # as in another process
    first.sign_in()
    second.sign_in()
    cookie = first.client.get_cookie(COOKIE, path="/dashboard")
    assert cookie
    copy.client.set_cookie(COOKIE, cookie.value, path="/dashboard")
    assert copy.get().status_code == 200
    inbox = app.extensions["webhooks"].inbox
    open_ones = logins.open_sessions(inbox, 60_000)
    assert len(open_ones) == 2
    first.post("/logout")
    assert copy.get().status_code == 303
    [left] = logins.open_sessions(inbox, 60_000)
    assert second.post(f"/sessions/{left.id}/end").status_code == 303
    assert second.get().status_code == 303
    assert audit_log.newest(inbox)[0].action == "session_ended"


def test_login_works_while_nothing_can_be_written(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are counted in the process, pages can be read, and changes are refused."""
    database = app.extensions["webhooks"].inbox.database
    Browser(app).get("/login")  # makes the key

    def full(**_: bool) -> NoReturn:
        raise StoreUnavailableError("database or disk is full")

    monkeypatch.setattr(database, "write", full)
    attacker = Browser(app, REMOTE_ADDR="203.0.113.9")
    assert [attacker.sign_in("wrong").status_code for _ in range(11)] == [401] * 10 + [429]
    browser = Browser(app)
    assert browser.sign_in().status_code == 303
    assert browser.get("/deliveries").status_code == 200
    assert browser.post("/deliveries/1/replay").status_code in (404, 503)


@pytest.mark.parametrize("forged", ["", "x", "\N{SNOWMAN}"])
def test_change_needs_the_csrf_token(browser: Browser, forged: str) -> None:
    """Without the token, or with another, nothing is changed."""
    assert browser.post("/logout", csrf=forged).status_code == 403
    assert browser.get().status_code == 200


def test_csrf_token_of_another_session_is_refused(app: Flask, browser: Browser) -> None:
    """Each session has its own token."""
    other = CSRF.search(Browser(app).get("/login").text)
    assert other
    assert browser.post("/logout", csrf=other[1]).status_code == 403


def test_form_of_another_site_is_refused(browser: Browser) -> None:
    """Browsers report the site of a form."""
    assert browser.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_signing_out_ends_the_session(browser: Browser) -> None:
    """Signing out is a change as well."""
    assert browser.post("/logout").status_code == 303
    assert browser.get().status_code == 303


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/dashboard/deliveries?state=dead", "/dashboard/deliveries?state=dead"),
        ("https://evil.example/dashboard", "/dashboard"),
        ("//evil.example/dashboard", "/dashboard"),
        ("/dashboard\\@evil.example", "/dashboard"),
        ("/dashboard\r\nX: y", "/dashboard"),
        ("/elsewhere", "/dashboard"),
    ],
)
def test_login_leads_only_to_the_dashboard(app: Flask, wanted: str, leads_to: str) -> None:
    """The parameter next never leads to another site."""
    assert Browser(app).sign_in(next=wanted).location == leads_to


@pytest.mark.parametrize(
    ("base", "secure"), [("https://a.example", True), ("http://a.example", True), ("http://localhost:8000", False)]
)
def test_cookie_attributes(app: Flask, base: str, secure: bool) -> None:
    """Without Secure only on localhost."""
    response = app.test_client().get("/dashboard/login", base_url=base)
    [cookie] = response.headers.getlist("Set-Cookie")
    assert ("; Secure" in cookie) is secure
    assert "; HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_forwarded_headers_need_trusted_proxies(monkeypatch: pytest.MonkeyPatch, app: Flask, sqlite_url: str) -> None:
    """X-Forwarded-For is ignored without TRUSTED_PROXIES, and used with it."""
    forged = [
        Browser(app).post("/login", "/login", headers={"X-Forwarded-For": f"203.0.113.{n}"}, password="x")
        for n in range(11)
    ]
    assert forged[-1].status_code == 429
    trusting = configured(monkeypatch, sqlite_url, TRUSTED_PROXIES="1")
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert Browser(trusting).post("/login", "/login", headers=headers, password=PASSWORD).status_code == 303
    page = trusting.test_client().get("/dashboard/login", headers=headers)
    assert "; Secure" in page.headers["Set-Cookie"]
    forged_host = {**headers, "X-Forwarded-Host": "localhost", "X-Forwarded-Proto": "http", "Host": "shop.example"}
    assert "; Secure" in trusting.test_client().get("/dashboard/login", headers=forged_host).headers["Set-Cookie"]


def test_automatic_requests_do_not_renew_a_session(browser: Browser, app: Flask) -> None:
    """An open live page does not keep its session alive."""
    context = app.extensions["dashboard"]
    later = time.time() + 120
    app.extensions["dashboard"] = replace(
        context, sessions=Sessions(PASSWORD, lambda: logins.signing_key(context.inbox), lambda: later)
    )
    assert "Set-Cookie" not in browser.get("/deliveries", **{"X-Live": "1"}).headers
    assert "Set-Cookie" in browser.get("/deliveries").headers


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_every_page_follows_the_policy(browser: Browser, path: str) -> None:
    """No inline code, nothing from another host, nothing stored by the browser."""
    response = browser.get(path)
    assert response.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|<script(?! src)| style=| on\w+=|javascript:", response.text)
    assert "//" not in re.sub(
        r"http://(localhost|www\.w3\.org)", "", "".join(re.findall(r'(?:src|href|action)="([^"]*)"', response.text))
    )


def test_static_files_are_cached(browser: Browser) -> None:
    """Static files are cached under a URL with their version, and set no cookie."""
    response = browser.get(f"/static/dashboard.css?v={VERSIONS['dashboard.css']}")
    response.close()
    assert response.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in response.headers


def test_errors_are_pages(browser: Browser, app: Flask) -> None:
    """Missing deliveries, shops and topics give an HTML page with the right status."""
    assert browser.get("/deliveries/999").status_code == 404
    assert browser.get(f"/deliveries/{'9' * 40}").status_code == 404
    assert browser.post("/deliveries/999/replay").status_code == 404
    assert browser.post("/setup/unknown/sample").status_code == 404
    assert browser.post("/setup/demo-shopify/sample", topic="no/topic").status_code == 400
    huge = browser.client.post("/dashboard/login", data={"csrf": "x" * 100_000})
    assert (huge.status_code, "<html" in huge.text) == (413, True)


def test_unavailable_database_is_a_page(browser: Browser, app: Flask, sqlite_url: str) -> None:
    """The answer is a page with 503."""
    app.extensions["webhooks"].inbox.database.engine.dispose()
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    file.rename(file.with_name("gone.db"))
    response = browser.get("/deliveries")
    assert (response.status_code, "deleted or moved away" in response.text) == (503, True)
