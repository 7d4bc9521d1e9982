"""Users: roles, the shops they see, and identities that a proxy names; a law over every route."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from werkzeug.security import generate_password_hash

from tests.support.dashboard import CSRF, PASSWORD, Browser, configured
from tests.support.deliveries import arrival
from webhook_app.config.users import Role
from webhook_app.health.finding import Finding, Severity
from webhook_app.inbox.counting import activity
from webhook_app.inbox.operations import audit_log, logins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

    from webhook_app.inbox import Inbox

SECRET = "a password of users: 4x7-quince"
HASH = generate_password_hash(SECRET)
SHOP = 'platform = "shopify"\nsecrets = ["secret-of-{0}"]\ninstance_key = "demo000{1}"'
USER = f'password_hash = "{HASH}"'
ROLES = {"reader": "read", "operator": "operate", "revealer": "reveal"}
TABLES = "\n".join([
    *(f"[shops.{name}]\n{SHOP.format(name, number)}" for number, name in enumerate(("ours", "theirs-canary"))),
    *(f'[users.{name}]\n{USER}\nroles = ["{role}"]\nshops = ["ours"]' for name, role in ROLES.items()),
    f'[users.All]\n{USER}\nroles = ["read", "operate", "reveal"]',
])  # fmt: skip
OF_NO_SHOP = ("dashboard.login", "dashboard.sign_in", "dashboard.sign_out", "dashboard.static")
TOPIC_CANARY, ORDER = "canary/topic", b'{"id": 4711, "email": "jan@example.nl"}'


def written(tmp_path: Path, text: str) -> str:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    return str(file)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    """Two shops with a delivery each: number 1 is ours, number 2 is theirs."""
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, TABLES), DASHBOARD_PASSWORD="")
    inbox = inbox_of(app)
    inbox.store(arrival("a", ORDER, shop="ours"))
    inbox.store(arrival("b", ORDER, shop="theirs-canary", topic=TOPIC_CANARY))
    now = inbox.clock()
    for kind in activity.ActivityKind:
        name = "100" if kind is activity.ActivityKind.ACCEPT else "name-canary"
        activity.record(inbox, [activity.ActivityCount("theirs-canary", "shopify", kind, name, 3, now, now)])
    audit_log.write(inbox, audit_log.AuditEvent(audit_log.AuditAction.REPLAY, "place", "s", 2, "detail-canary"))
    yield app
    inbox.close()


def inbox_of(app: Flask) -> Inbox:
    inbox: Inbox = app.extensions["webhooks"].inbox
    return inbox


def signed_in(app: Flask, name: str, **environ: str) -> Browser:
    browser = Browser(app, **environ)
    assert browser.sign_in(SECRET, username=name).status_code == 303
    return browser


def requests_of(app: Flask, shop: str, number: int) -> list[tuple[str, str]]:
    """Every route of the dashboard, with a shop, a delivery and a session in its place."""
    places = {"shop": shop, "number": number, "token": "forged"}
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("dashboard.") and rule.endpoint not in OF_NO_SHOP:
            assert rule.arguments <= places.keys(), f"{rule}: name what stands for its arguments"
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda place: str(places[place[1]]), rule.rule)
            found += [(method, path.removeprefix("/dashboard")) for method in (rule.methods or set()) & {"GET", "POST"}]
    return found


def answer(browser: Browser, method: str, path: str, **form: str) -> TestResponse:
    if method == "GET":
        return browser.get(path)
    token = CSRF.search(browser.get("/deliveries").text)
    fields = {"csrf": token[1] if token else "", "topic": "orders/create", **form}
    return browser.client.post(f"/dashboard{path}", data=fields)


@pytest.mark.parametrize("name", [*ROLES])
def test_another_shop_is_not_there_on_any_route(app: Flask, name: str) -> None:
    """Neither its name nor anything of it is on a page, in a CSV or in an error; its addresses are 404."""
    browser = signed_in(app, name)
    before = [entry.id for entry in audit_log.newest(inbox_of(app), 2)]
    addresses = requests_of(app, "theirs-canary", 2)
    assert len(addresses) > 12
    for method, path in addresses:
        for query in ("", "?number=2", "?order=4711", "?topic=canary/topic", "?range=30d&set=all"):
            found = answer(browser, method, path + query)
            shown = found.text.replace("canary/topic", "") if "topic=" in query else found.text
            if found.status_code == 200:
                assert "canary" not in shown, (method, path, query)
            names_it = re.search(r"theirs-canary|/2\b", path)
            assert not names_it or found.status_code in (403, 404), (method, path)
        assert answer(browser, method, f"{path}?shop=theirs-canary").status_code in (403, 404)
    assert [entry.id for entry in audit_log.newest(inbox_of(app), 2)] == before


def test_every_change_needs_its_role(app: Flask) -> None:
    """Who may only read changes nothing and reveals nothing; each role has what it names, and the rest is refused."""
    allowed: dict[str, set[str]] = {}
    for name in ROLES:
        browser = signed_in(app, name)
        posts = [path for method, path in requests_of(app, "ours", 1) if method == "POST"]
        answers = {path: answer(browser, "POST", path).status_code for path in posts}
        allowed[name] = {path for path, code in answers.items() if code != 403}
    ours = "/deliveries", "/search", "/sessions/1/end"
    assert allowed["reader"] == {*ours}
    assert allowed["revealer"] == {*ours, "/deliveries/1/reveal"}
    operates = {"/deliveries/1/replay", "/deliveries/1/discard", "/setup/ours/sample", "/findings/mute"}
    operates |= {"/jobs", "/jobs/1/cancel"}
    operates |= {"/shops/ours/app", "/shops/ours/links", "/shops/ours/links/1/end"}
    assert allowed["operator"] == {*ours, *operates}


def test_pages_offer_what_a_user_may_do(app: Flask) -> None:
    """A button that would be refused is not shown; personal data is masked for all but those who may reveal it."""
    buttons = {name: signed_in(app, name).get("/deliveries/1").text for name in (*ROLES, "all")}
    assert [name for name, page in buttons.items() if "Reveal personal" in page] == ["revealer", "all"]
    assert [name for name, page in buttons.items() if "Discard" in page] == ["operator", "all"]
    assert not [name for name, page in buttons.items() if "jan@" in page]
    assert "jan@" in signed_in(app, "revealer").post("/deliveries/1/reveal", "/deliveries/1").text


def test_who_sees_some_shops_mutes_nothing_that_is_about_all(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A muted finding raises no alert for those who see all shops either; one of a shop that is seen may be muted."""
    found = tuple(Finding("check", Severity.ERROR, f"About {shop or 'all'}.", shop=shop) for shop in ("", "ours"))
    monkeypatch.setattr(app.extensions["dashboard"].health, "findings", lambda: found)
    codes = {"operator": [404, 303], "reader": [403, 403], "all": [303, 303]}
    for name, wanted in codes.items():
        browser = signed_in(app, name)
        muted = [answer(browser, "POST", "/findings/mute", name=one.name, **{"for": "8h"}) for one in found]
        assert [one.status_code for one in muted] == wanted
        offered = re.findall(r'name="name" value="([^"]+)"', browser.get("").text)
        assert offered == [one.name for one, code in zip(found, wanted, strict=True) if code == 303]


def test_signing_in_gives_no_attempts_at_other_users(app: Flask) -> None:
    """A browser that has signed in has a limit of its own for that user: another login brings no further guesses."""
    reader = signed_in(app, "reader", REMOTE_ADDR="203.0.113.9")
    for _ in range(12):
        Browser(app, REMOTE_ADDR="203.0.113.9").sign_in("wrong", username="all")
    reader.post("/logout")
    assert [reader.sign_in("wrong", username=name).status_code for name in ("all", "", "mallory")] == [429] * 3
    assert reader.sign_in(SECRET, username="reader").status_code == 303


def test_names_are_in_the_audit(app: Flask) -> None:
    """Who did it stands on the page of actions and on that of the delivery, for all who see them."""
    browser = signed_in(app, "revealer")
    browser.post("/deliveries/1/reveal", "/deliveries/1")
    Browser(app).sign_in("wrong", username="operator")
    Browser(app).sign_in("wrong", username="a password that was typed here")
    recorded = [(entry.action, entry.user_name) for entry in audit_log.newest(inbox_of(app))][:4]
    assert recorded == [
        ("login_failed", ""),
        ("login_failed", "operator"),
        ("reveal", "revealer"),
        ("login", "revealer"),
    ]
    assert "Personal fields revealed by revealer" in signed_in(app, "reader").get("/deliveries/1").text
    everything, own = signed_in(app, "all").get("/actions").text, signed_in(app, "reader").get("/actions").text
    assert "detail-canary" in everything
    assert ">operator<" in everything
    assert ">operator<" not in own


def test_a_wrong_name_is_a_wrong_password(app: Flask) -> None:
    """No answer shows who is a user; names have no capitals; there is no shared password where none is set."""
    for name in ("mallory", "reader", "*", "", "dashboard", "x" * 5000):
        refused = Browser(app).sign_in("wrong", username=name)
        assert (refused.status_code, "The user name or the password is wrong." in refused.text) == (401, True)
    assert Browser(app).sign_in("", username="").status_code == 401
    assert Browser(app, REMOTE_ADDR="203.0.113.8").sign_in(SECRET, username=" ALL ").status_code == 303


def test_sessions_of_others_are_an_administrators(app: Flask) -> None:
    """Others see and end their own alone; an ended session is over, in another process too."""
    reader, admin = signed_in(app, "reader"), signed_in(app, "all")
    [of_admin] = [one for one in logins.open_sessions(inbox_of(app), 60_000) if one.user_name == "all"]
    [of_reader] = [one for one in logins.open_sessions(inbox_of(app), 60_000) if one.user_name == "reader"]
    assert of_admin.id not in reader.get("/sessions").text
    assert answer(reader, "POST", f"/sessions/{of_admin.id}/end").status_code == 404
    assert of_reader.id in admin.get("/sessions").text
    assert answer(admin, "POST", f"/sessions/{of_reader.id}/end").status_code == 303
    assert reader.get().status_code == 303


def test_a_new_hash_or_none_ends_the_sessions_of_a_user(
    app: Flask, monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    """The cookies of others stay valid."""
    reader, other = signed_in(app, "reader"), signed_in(app, "operator")
    changed = TABLES.replace(HASH, generate_password_hash(SECRET), 1)
    again = configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, changed), DASHBOARD_PASSWORD="")
    for browser in (reader, other):
        browser.client.application = again
    assert [browser.get().status_code for browser in (reader, other)] == [303, 200]


def test_the_shared_password_is_a_user_with_all_rights(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path
) -> None:
    """It works beside users, without a name."""
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, TABLES))
    browser = Browser(app)
    assert browser.sign_in(PASSWORD, username="").status_code == 303
    assert "theirs-canary" in browser.get().text
    assert Browser(app).sign_in(PASSWORD, username="reader").status_code == 401


PROXY = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-User": "Anna@example.com"}
NAMED = f'{TABLES}\n[users."anna@example.com"]\nroles = ["operate"]\nshops = ["ours"]\n'


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch, app: Flask, sqlite_url: str, tmp_path: Path) -> Flask:
    """The same behind a proxy that names who it has signed in."""
    variables = {"DASHBOARD_IDENTITY_HEADER": "X-Forwarded-User", "TRUSTED_PROXIES": "1", "DASHBOARD_PASSWORD": ""}
    return configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, NAMED), **variables)


def test_a_proxy_names_the_user(proxied: Flask) -> None:
    """Whom it names is signed in, with the rights of that table; changes need the token as ever."""
    browser = Browser(proxied, REMOTE_ADDR="127.0.0.1")
    page = browser.get("/deliveries/1", **PROXY)
    assert (page.status_code, "anna@example.com" in page.text) == (200, True)
    assert browser.get("/deliveries/2", **PROXY).status_code == 404
    token = CSRF.search(browser.get("/deliveries/1", **PROXY).text)
    assert token
    change = {"headers": PROXY, "environ_overrides": browser.environ}
    assert browser.client.post("/dashboard/deliveries/1/discard", **change).status_code == 403
    done = browser.client.post("/dashboard/deliveries/1/discard", data={"csrf": token[1]}, **change)
    assert done.status_code == 303
    assert [entry.user_name for entry in audit_log.newest(inbox_of(proxied))][:2] == ["anna@example.com"] * 2
    assert browser.get("/deliveries/1").status_code == 303  # the cookie alone opens nothing


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("203.0.113.9", PROXY),
        ("10.0.0.1", PROXY),
        ("", PROXY),
        ("127.0.0.1", {"X-Forwarded-User": "anna@example.com"}),
        ("127.0.0.1", {**PROXY, "X-Forwarded-For": " , "}),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-User2": "anna@example.com"}),
    ],
)
def test_who_is_not_the_proxy_names_no_user(proxied: Flask, peer: str, headers: dict[str, str]) -> None:
    """The header counts from the proxy's own address, and where it has written whom it serves."""
    assert Browser(proxied, REMOTE_ADDR=peer).get("/deliveries/1", **headers).status_code == 303


@pytest.mark.parametrize("name", ["eve@example.com", "", "anna@example.com, eve", "*", "x" * 100, "anna\N{SNOWMAN}"])
def test_who_is_no_user_gets_no_page(proxied: Flask, name: str) -> None:
    """A proxy may sign in more people than are users here; two names in a header are none."""
    headers = {**PROXY, "X-Forwarded-User": name.encode().decode("latin-1")}
    assert Browser(proxied, REMOTE_ADDR="127.0.0.1").get("/deliveries/1", **headers).status_code == 403


@pytest.mark.parametrize("name", ["", " ", "anna@example.com, eve", "*", "x" * 100, "anna\N{SNOWMAN}", "dashboard"])
def test_a_table_for_anyone_is_for_names(
    monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path, name: str
) -> None:
    """A proxy may pass a request on without a name; and the user of DASHBOARD_PASSWORD, who may all, is none of it."""
    variables = {"DASHBOARD_IDENTITY_HEADER": "X-Forwarded-User", "TRUSTED_PROXIES": "1"}
    text = f'{TABLES}\n[users."*"]\n'
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, text), **variables)
    headers = {**PROXY, "X-Forwarded-User": name.encode().decode("latin-1")}
    assert Browser(app, REMOTE_ADDR="127.0.0.1").get("/deliveries/1", **headers).status_code == 403


def test_the_header_is_nothing_where_it_is_not_configured(app: Flask) -> None:
    """Without the setting, any client's header is ignored."""
    assert Browser(app, REMOTE_ADDR="127.0.0.1").get("/deliveries/1", **PROXY).status_code == 303


def test_anyone_may_have_a_table(monkeypatch: pytest.MonkeyPatch, sqlite_url: str, tmp_path: Path) -> None:
    """With [users."*"] the proxy alone decides who comes in, under the name that it gives."""
    variables = {"DASHBOARD_IDENTITY_HEADER": "X-Forwarded-User", "TRUSTED_PROXIES": "1", "DASHBOARD_PASSWORD": ""}
    text = f'{TABLES}\n[users."*"]\n'
    app = configured(monkeypatch, sqlite_url, SHOPS_FILE=written(tmp_path, text), **variables)
    browser = Browser(app, REMOTE_ADDR="127.0.0.1")
    assert browser.get("", **PROXY).status_code == 200
    assert audit_log.newest(inbox_of(app))[0].user_name == "anna@example.com"
    as_other = {**PROXY, "X-Forwarded-User": "eve@example.com"}
    browser.get("", **as_other)
    assert audit_log.newest(inbox_of(app))[0].user_name == "eve@example.com"


def test_roles_are_the_three() -> None:
    """A new role needs a line in the laws above."""
    assert [*Role] == ["read", "operate", "reveal"]
