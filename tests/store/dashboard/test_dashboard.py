"""The dashboard without a browser: who gets in, what is shown and what is not, and what is done, on both engines."""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.events import Line, Payment, Purchase, Visitor
from tests.support.deliveries import arrival
from tests.support.demo_data import Story
from tests.support.processes import OWN_VARIABLES
from webhook_app.app import create_app
from webhook_app.dashboard import charts, formatting, masking
from webhook_app.dashboard.pages.overview import TopicLine
from webhook_app.dashboard.registration import VERSIONS
from webhook_app.dashboard.sessions import IDLE, LONGEST, Session, Sessions
from webhook_app.inbox import Inbox, State, audit_log, migrate
from webhook_app.time_units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

PASSWORD = "correct horse battery staple"
PAGES = ("", "/deliveries", "/deliveries/1", "/accounting", "/accounting.csv", "/setup", "/actions")
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Browser:
    """What a person does, with the cookies of one browser."""

    def __init__(self, app: Flask, **environ: str) -> None:
        self.client: FlaskClient = app.test_client()
        self.environ = environ

    def get(self, path: str = "", **headers: str) -> TestResponse:
        return self.client.get(f"/dashboard{path}", headers=headers, environ_overrides=self.environ)

    def post(self, path: str, page: str = "", /, **form: Any) -> TestResponse:
        """Send a form of a page with the token that is on it, unless another one is given."""
        token = CSRF.search(self.get(page).text)
        headers: dict[str, str] = form.pop("headers", {})
        said = {"csrf": token[1] if token else "", **form}
        return self.client.post(f"/dashboard{path}", data=said, headers=headers, environ_overrides=self.environ)

    def sign_in(self, password: str = PASSWORD, **form: str) -> TestResponse:
        return self.post("/login", "/login", password=password, **form)


def configured(monkeypatch: pytest.MonkeyPatch, database_url: str, **variables: str) -> Flask:
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    given = {"DATABASE_URL": database_url, "SHOPS_FILE": "shops.demo.toml", "DASHBOARD_PASSWORD": PASSWORD}
    for name, value in {**given, **variables}.items():
        monkeypatch.setenv(name, value)
    return create_app()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Flask]:
    """A dashboard on an empty SQLite inbox."""
    app = configured(monkeypatch, f"sqlite:///{tmp_path / 'inbox.db'}")
    migrate.upgrade(app.extensions["webhooks"].inbox.database)
    yield app
    app.extensions["webhooks"].inbox.close()


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody who is signed in."""
    browser = Browser(app)
    assert browser.sign_in().status_code == 303
    return browser


@pytest.fixture
def story(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[tuple[Browser, Inbox]]:
    """Somebody who is signed in where two weeks of orders are, on either engine."""
    past = Story(database_url, int(time.time() * 1000))
    past.tell(orders=30)
    app = configured(monkeypatch, database_url)
    browser = Browser(app)
    browser.sign_in()
    yield browser, past.inbox
    past.inbox.close()
    app.extensions["webhooks"].inbox.close()


# Who gets in


def test_it_is_off_without_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is there then, not even a login."""
    app = configured(monkeypatch, f"sqlite:///{tmp_path / 'inbox.db'}", DASHBOARD_PASSWORD="")
    browser = Browser(app)
    assert {browser.get(path).status_code for path in (*PAGES, "/login", "/static/dashboard.css")} == {404}


@pytest.mark.parametrize("path", PAGES)
def test_strangers_see_the_login_alone(app: Flask, path: str) -> None:
    """Every page leads to the login, which leads back."""
    response = Browser(app).get(path)
    assert response.status_code == 303
    assert response.location.startswith("/dashboard/login?next=")


@pytest.mark.parametrize(
    "path", ["/deliveries/1/replay", "/deliveries/1/discard", "/deliveries/1/reveal", "/setup/x/sample"]
)
def test_strangers_change_nothing(app: Flask, path: str) -> None:
    """A change leads to the login too, and without a cookie it is refused."""
    browser = Browser(app)
    assert browser.client.post(f"/dashboard{path}").status_code == 403
    assert browser.post(path, "/login").status_code == 303
    assert audit_log.newest(app.extensions["webhooks"].inbox) == []


def test_the_password_opens_and_another_does_not(app: Flask) -> None:
    """Both are written down."""
    browser = Browser(app)
    refused = browser.sign_in("wrong")
    assert (refused.status_code, "This is not the password." in refused.text) == (401, True)
    assert browser.get().status_code == 303
    assert browser.sign_in().location == "/dashboard"
    assert browser.get().status_code == 200
    actions = [entry.action for entry in audit_log.newest(app.extensions["webhooks"].inbox)]
    assert actions == ["login", "login_failed"]


def test_too_many_wrong_passwords_are_refused_in_all_processes(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the right one then; another place still gets in, and so does the first one later."""
    attacker = Browser(app, REMOTE_ADDR="203.0.113.9")
    assert [attacker.sign_in("wrong").status_code for _ in range(11)] == [401] * 10 + [429]
    assert attacker.sign_in().status_code == 429
    other = Browser(create_app(), REMOTE_ADDR="203.0.113.9")
    assert other.sign_in().status_code == 429
    assert Browser(app, REMOTE_ADDR="203.0.113.10").sign_in().status_code == 303
    inbox = app.extensions["webhooks"].inbox
    now = inbox.clock()
    monkeypatch.setattr(inbox, "clock", lambda: now + 16 * 60 * 1000)
    assert attacker.sign_in().status_code == 303


def test_many_places_are_no_faster(app: Flask) -> None:
    """A limit holds over all places together."""
    inbox = app.extensions["webhooks"].inbox
    for number in range(200):
        audit_log.write(inbox, audit_log.AuditEvent(audit_log.AuditAction.LOGIN_FAILED, f"place-{number}"))
    assert Browser(app).sign_in().status_code == 429


@pytest.mark.parametrize("forged", ["", "x", "\N{SNOWMAN}"])
def test_a_change_needs_the_sessions_token(browser: Browser, forged: str) -> None:
    """Without it, or with another, nothing is done."""
    assert browser.post("/logout", csrf=forged).status_code == 403
    assert browser.get().status_code == 200


def test_a_token_of_another_session_is_refused(app: Flask, browser: Browser) -> None:
    """Each session has its own."""
    other = CSRF.search(Browser(app).get("/login").text)
    assert other
    assert browser.post("/logout", csrf=other[1]).status_code == 403


def test_another_sites_form_is_refused(browser: Browser) -> None:
    """Browsers say where a form comes from."""
    assert browser.post("/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_signing_out_ends_the_session_here(browser: Browser) -> None:
    """And is written down."""
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
def test_the_login_leads_to_our_pages_alone(app: Flask, wanted: str, leads_to: str) -> None:
    """A link cannot send anybody to another site."""
    assert Browser(app).sign_in(next=wanted).location == leads_to


@pytest.mark.parametrize(
    ("base", "secure"), [("https://a.example", True), ("http://a.example", True), ("http://localhost:8000", False)]
)
def test_the_cookie_is_guarded(app: Flask, base: str, secure: bool) -> None:
    """Only localhost gets it over plain http."""
    response = app.test_client().get("/dashboard/login", base_url=base)
    [cookie] = response.headers.getlist("Set-Cookie")
    assert ("; Secure" in cookie) is secure
    assert "; HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_forwarded_headers_count_only_when_told(monkeypatch: pytest.MonkeyPatch, app: Flask, tmp_path: Path) -> None:
    """A stranger cannot choose where he seems to come from; behind a proxy its word is taken."""
    forged = [
        Browser(app).post("/login", "/login", headers={"X-Forwarded-For": f"203.0.113.{n}"}, password="x")
        for n in range(11)
    ]
    assert forged[-1].status_code == 429
    trusting = configured(monkeypatch, f"sqlite:///{tmp_path / 'inbox.db'}", TRUSTED_PROXIES="1")
    headers = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert Browser(trusting).post("/login", "/login", headers=headers, password=PASSWORD).status_code == 303
    page = trusting.test_client().get("/dashboard/login", headers=headers)
    assert "; Secure" in page.headers["Set-Cookie"]


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_when_nobody_clicks() -> None:
    """Each click renews it, until it is too old in all."""
    clock = Time()
    sessions = Sessions(PASSWORD, clock)
    session = Session.new(sessions.now(), signed_in=True)
    clock.now += IDLE - 1
    session = sessions.renewed(session)
    assert sessions.read(sessions.write(session))
    clock.now += IDLE + 1
    assert sessions.read(sessions.write(session)) is None
    began = Session.new(sessions.now(), signed_in=True)
    clock.now += LONGEST + 1
    assert sessions.read(sessions.write(sessions.renewed(began))) is None


def test_what_a_page_asks_by_itself_does_not_renew(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is left open on the live tail is signed out as any other."""
    later = time.time() + 120
    monkeypatch.setattr(browser.client.application.extensions["dashboard"].sessions, "_clock", lambda: later)
    assert "Set-Cookie" not in browser.get("/deliveries", **{"X-Live": "1"}).headers
    assert "Set-Cookie" in browser.get("/deliveries").headers


@pytest.mark.parametrize("cookie", ["", "x", "e30.x", "a.b.c", "\N{SNOWMAN}"])
def test_a_forged_cookie_is_none(cookie: str) -> None:
    """Nor is one of another password."""
    sessions = Sessions(PASSWORD)
    assert sessions.read(cookie) is None
    assert sessions.read(Sessions("another password").write(Session.new(sessions.now(), signed_in=True))) is None


def test_places_are_told_apart_without_addresses() -> None:
    """A household's IPv6 addresses are one place."""
    sessions = Sessions(PASSWORD)
    assert sessions.source("2001:db8::1") == sessions.source("2001:db8::ffff") != sessions.source("2001:db8:0:1::1")
    assert "203.0.113.9" not in sessions.source("203.0.113.9")
    assert sessions.source(None) == sessions.source("")


# What every page carries


@pytest.mark.parametrize("path", [*PAGES, "/login"])
def test_every_page_keeps_to_the_policy(browser: Browser, path: str) -> None:
    """Nothing is inline, nothing is of another host, and nothing is kept by the browser."""
    response = browser.get(path)
    assert response.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|<script(?! src)| style=| on\w+=|javascript:", response.text)
    assert "//" not in re.sub(
        r"http://(localhost|www\.w3\.org)", "", "".join(re.findall(r'(?:src|href|action)="([^"]*)"', response.text))
    )


def test_files_are_cached_by_what_they_hold(browser: Browser) -> None:
    """A changed file has another address."""
    response = browser.get(f"/static/dashboard.css?v={VERSIONS['dashboard.css']}")
    response.close()
    assert response.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in response.headers


def test_errors_are_pages(browser: Browser, app: Flask) -> None:
    """What is not there, or does not answer, is said in words."""
    assert browser.get("/deliveries/999").status_code == 404
    assert browser.get(f"/deliveries/{'9' * 40}").status_code == 404
    assert browser.post("/deliveries/999/replay").status_code == 404
    assert browser.post("/setup/nobody/sample").status_code == 404
    assert browser.post("/setup/demo-shopify/sample", topic="no/topic").status_code == 400
    huge = browser.client.post("/dashboard/login", data={"csrf": "x" * 100_000})
    assert (huge.status_code, "<html" in huge.text) == (413, True)


def test_a_database_that_is_away_is_said(browser: Browser, app: Flask, tmp_path: Path) -> None:
    """With 503, and no stack trace."""
    app.extensions["webhooks"].inbox.database.engine.dispose()
    (tmp_path / "inbox.db").rename(tmp_path / "gone.db")
    response = browser.get("/deliveries")
    assert (response.status_code, "does not answer" in response.text) == (503, True)


@pytest.mark.parametrize(
    "query",
    [
        "state=odd", "since=yesterday", "until=9999999-01-01T00:00", "number=" + "9" * 400, "number=-1", "below=x",
        "reason=%00", "order=%FF%FE", "topic=" + "x" * 500, "shop=%27%22%3E%3Cscript%3E", "live=1&state=dead",
        "below=0", "since=0001-01-01T00:00", "reason=fault:ours", "topic=set:others", "topic=set:orders&state=waiting",
    ],
)  # fmt: skip
def test_strange_filters_are_answered(browser: Browser, query: str) -> None:
    """Whatever stands in the address, there is a page, and nothing of it is taken for markup."""
    response = browser.get(f"/deliveries?{query}")
    assert response.status_code == 200
    assert "<script>" not in response.text


@pytest.mark.parametrize("query", ["day=x", "day=0001-01-01", "day=9999-12-31", "set=odd&shop=nobody"])
def test_strange_days_are_answered(browser: Browser, query: str) -> None:
    """What cannot be meant is today, or as near as can be."""
    assert browser.get(f"/accounting?{query}").status_code == 200
    assert browser.get(f"/accounting.csv?{query}").status_code == 200


# What is shown


def test_the_overview_tells_what_is_wrong(story: tuple[Browser, Inbox]) -> None:
    """Breaker, silence and refusals are told by name."""
    page = story[0].get("?range=30d").text
    assert "breaker open because Tweakwise reports an error on its side (http_503)" in page
    assert "signature_mismatch" in page
    assert "already_counted" in page
    assert 'class="delivered"' in page


def test_every_delivery_is_in_the_overview(story: tuple[Browser, Inbox]) -> None:
    """What was received in 30 days is all there is."""
    browser, inbox = story
    counts = inbox.counts()
    found = re.search(r"<dt>Received</dt>\s*<dd>(\d+)", browser.get("?range=30d").text)
    assert found
    assert int(found[1]) == sum(counts.values())


def test_accounting_adds_up_day_by_day(story: tuple[Browser, Inbox]) -> None:
    """All days' lines of the CSV together are all deliveries."""
    browser, inbox = story
    total: dict[str, int] = {}
    for back in range(16):
        day = formatting.moment(inbox.clock() - back * DAY)[:10]
        rows = list(csv.DictReader(io.StringIO(browser.get(f"/accounting.csv?day={day}&set=all").text)))
        for row in rows:
            total[row["state"]] = total.get(row["state"], 0) + int(row["number"])
        page = browser.get(f"/accounting?day={day}&set=all").text
        assert "It adds up" in page
        assert f"<b>{sum(int(row['number']) for row in rows)}</b><span>received" in page
    assert total == inbox.counts()


def test_accounting_links_lead_to_the_same_number(story: tuple[Browser, Inbox]) -> None:
    """A reason's link shows as many deliveries as it says."""
    browser, inbox = story
    day = formatting.moment(inbox.newest(1)[0].received_at)[:10]
    page = browser.get(f"/accounting?day={day}").text
    links = re.findall(r'href="/dashboard(/deliveries\?state=\w+[^"]*)">(\d+)<', page)
    assert links
    for link, number in links:
        shown = browser.get(link.replace("&amp;", "&")).text
        assert len(re.findall(r'<th scope="row" role="rowheader">', shown)) == int(number), link


def test_filters_find_what_they_say(story: tuple[Browser, Inbox]) -> None:
    """By order all its deliveries, by profile key the one, by state and shop those."""
    browser, inbox = story
    delivered = next(row for row in inbox.newest(500) if row.state == State.DELIVERED)
    order = (delivered.business_key or "").removeprefix("purchase:")
    of_order = browser.get(f"/deliveries?order={order}").text
    assert len(re.findall(r'<th scope="row" role="rowheader">', of_order)) == 2
    profile = browser.post("/deliveries", "/deliveries", profile_key=f"profile-{order}").text
    assert f'deliveries/{delivered.id}">' in profile
    assert len(re.findall(r'<th scope="row" role="rowheader">', profile)) == 1
    waiting = browser.get("/deliveries?state=waiting").text
    assert len(re.findall(r'<th scope="row" role="rowheader">', waiting)) == inbox.counts()["waiting"]


def test_one_delivery_tells_its_story(story: tuple[Browser, Inbox]) -> None:
    """Each attempt with its class and milliseconds, and what comes next."""
    browser, inbox = story
    [row] = [row for row in inbox.newest(5) if row.state == State.WAITING]
    page = browser.get(f"/deliveries/{row.id}").text
    assert page.count("Attempt failed: timeout") == 2
    assert "Attempt failed: http_503" in page
    assert "after 730 ms" in page
    assert "Next attempt" in page
    assert "POST /api/purchase" in page
    assert "Instance-Key: $INSTANCE_KEY" in page.replace("&#34;", '"')


def test_secrets_are_never_shown(story: tuple[Browser, Inbox]) -> None:
    """Neither webhook secrets nor instance keys nor salts are on any page."""
    browser, inbox = story
    pages = "".join(browser.get(path).text for path in (*PAGES, f"/deliveries/{inbox.newest(1)[0].id}"))
    for secret in (
        "demo-shopify-secret",
        "demowoocommercesecret",
        "demo0001",
        "demo0002",
        "demo-profile-salt",
        PASSWORD,
    ):
        assert secret not in pages


# What is done


def test_replay_and_drop_are_done_and_written_down(story: tuple[Browser, Inbox]) -> None:
    """Once each: a second time nothing is changed, which is said."""
    browser, inbox = story
    row = next(row for row in inbox.newest(500) if row.reason == "no_profile")
    done = browser.post(f"/deliveries/{row.id}/replay")
    assert done.location.endswith("said=replayed")
    assert inbox.get(row.id).state == State.RECEIVED
    assert browser.post(f"/deliveries/{row.id}/discard").location.endswith("said=dropped")
    assert browser.post(f"/deliveries/{row.id}/discard").location.endswith("said=unchanged")
    assert inbox.get(row.id).reason == "dropped"
    told = [(entry.action, entry.delivery_id, entry.detail) for entry in audit_log.newest(inbox)][:3]
    assert told == [
        ("drop", row.id, "It was ignored: dropped."),
        ("drop", row.id, "It was received."),
        ("replay", row.id, "It was ignored: no_profile."),
    ]
    page = browser.get(f"/deliveries/{row.id}").text
    assert "A person: replay" in page
    assert "no_profile" in browser.get("/actions").text


def test_personal_fields_are_masked_until_somebody_asks(browser: Browser, app: Flask) -> None:
    """Asking is a change: it needs the token, and is written down before anything is shown."""
    inbox = app.extensions["webhooks"].inbox
    body = b'{"id": 7, "email": "jan@example.nl", "customer": {"id": 42, "first_name": "Jan"}, "total_price": "9.95"}'
    number = inbox.store(arrival("a", body, shop="demo-shopify")).id
    masked = browser.get(f"/deliveries/{number}").text
    assert "9.95" in masked
    assert "jan@" not in masked
    assert "Jan" not in masked
    assert browser.get(f"/deliveries/{number}/reveal").status_code == 405
    revealed = browser.post(f"/deliveries/{number}/reveal").text
    assert "jan@example.nl" in revealed
    assert audit_log.newest(inbox, number)[0].action == "reveal"
    assert "jan@" not in browser.get(f"/deliveries/{number}").text


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("id", 7, True), ("financial_status", "paid", True), ("sku", "MUG", True), ("price", "9.95", True),
        ("created_at", "2026-11-27", True), ("customer_locale", "nl-NL", True), ("test", True, True),
        ("email", "a@b.nl", False), ("contact_email", "a@b.nl", False), ("phone", 31612345678, False),
        ("note", "ring twice", False), ("order_status_url", "https://x/y", False), ("customer_id", 42, False),
        ("browser_ip", "203.0.113.9", False), ("name", "Jan Jansen", False), ("cart_token", "abc", False),
        ("profile_key", "k", False), ("user_agent", "Mozilla", False), ("whatever_comes_next", "x", False),
        ("term", "jan jansen", False),
    ],
)  # fmt: skip
def test_what_is_not_known_to_be_harmless_is_masked(key: str, value: object, shown: bool) -> None:
    """A new field of a platform is masked until somebody says that it may be seen."""
    assert (masking.masked({key: value}) == {key: value}) is shown


def test_what_somebody_typed_is_masked_in_the_call() -> None:
    """Keys and amounts are not: they are what one compares."""
    sent = '{"ProfileKey":"k","SearchTerm":"jan jansen"}'
    assert "jan" not in masking.call(sent, revealed=False)
    assert '"ProfileKey": "k"' in masking.call(sent, revealed=False)
    assert "jan jansen" in masking.call(sent, revealed=True)


def test_an_event_says_how_it_was_paid_in_a_word() -> None:
    """And not by the number of a rung."""
    visitor, line = Visitor({"tweakwise_profile_key": "k"}), Line({"product_id": "1"})
    order = Purchase("7", datetime(2026, 11, 24, tzinfo=UTC), Payment.PAID, visitor, (line,), None)
    assert '"payment": "paid"' in masking.event(order, revealed=False)


def test_everything_below_a_person_is_masked() -> None:
    """Numbers too; but not that something is missing."""
    payload = {
        "billing_address": {"zip": 1234, "city": None, "lines": [{"id": 1}]},
        "meta_data": [{"key": "k", "value": "v"}],
    }
    assert masking.masked(payload) == {
        "billing_address": {"zip": masking.MASK, "city": None, "lines": [{"id": masking.MASK}]},
        "meta_data": [{"key": "k", "value": masking.MASK}],
    }


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"[" * 100_000, b"not json jan@example.nl", b"1" * 300_000, b"NaN"])
def test_odd_bodies_are_shown_somehow(raw: bytes) -> None:
    """Whatever a platform signed, the page does not break, and does not tell."""
    assert "jan@" not in masking.body(raw, revealed=False)
    assert isinstance(masking.body(raw, revealed=True), str)


# Pure parts


@pytest.mark.parametrize(
    ("usual", "hours", "is_missed"),
    [(12, 17, False), (12, 26, True), (1, 2.5, False), (1, 3.5, True), (None, 500, False)],
)
def test_a_topic_is_missed_by_what_is_usual(usual: int | None, hours: float, is_missed: bool) -> None:
    """A night's pause is nothing where nights are quiet, and nobody is told within three hours."""
    line = TopicLine("a", "orders/create", 0, None if usual is None else usual * HOUR)
    assert line.is_missed(int(hours * HOUR)) is is_missed


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (None, "\N{EN DASH}"), (-5, "0 ms"), (85, "85 ms"), (1400, "1.4 s"), (80_000, "1 min 20 s"),
        (3_600_000, "1 h"), (93_600_000, "1 d 2 h"),
    ],
)  # fmt: skip
def test_spans_are_said_in_two_units(milliseconds: int | None, said: str) -> None:
    assert formatting.lasting(milliseconds) == said


@pytest.mark.parametrize(
    ("share", "said"), [(None, "\N{EN DASH}"), (1, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %"), (0, "0.00 %")]
)
def test_a_share_is_not_rounded_to_all(share: float | None, said: str) -> None:
    assert formatting.percent(share) == said


def test_bars_stand_on_each_other() -> None:
    """Their heights are in proportion, and a little is still seen."""
    chart = charts.stacked([("a", "a", {"dead": 1, "delivered": 999}), ("b", "b", {})], ("delivered", "dead"))
    delivered, dead = chart.columns[0].parts
    assert (delivered.kind, dead.kind) == ("delivered", "dead")
    assert delivered.y == pytest.approx(charts.HEIGHT - delivered.height, abs=0.2)
    assert dead.y == pytest.approx(delivered.y - dead.height, abs=0.2)
    assert dead.height == 1.5
    assert [line.value for line in chart.lines] == [0, 500, 1000]
    assert chart.columns[1].parts == ()
    assert [line.value for line in charts.scale(7)] == [0, 2, 4, 6, 8]
