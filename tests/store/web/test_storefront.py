"""What the receiver answers to a shop's pages, called through the platform's proxy."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.recordings import as_toml, shop_keys
from webhook_app.app import create_app
from webhook_app.inbox.reports import stored_deliveries
from webhook_app.platforms import all_platforms
from webhook_app.translation import profile_key
from webhook_app.web.rate_limit import RateLimiter
from webhook_app.web.sampled_log import SampledLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from webhook_app.web.context import WebContext

# What the store does is tested on both engines in tests/store/inbox.
pytestmark = pytest.mark.engines("sqlite")

PROXY = all_platforms()["shopify"].proxy
assert PROXY
NEW, OLD = shop_keys("shopify")["secrets"]
SALT = shop_keys("shopify")["profile_salt"]
KEY = "3f6c1e0a8d524b7a9c1e2f4d5a6b7c8d"
SHOP = "/storefront/shopify/shop"
ADDED = {"shop": "acme.myshopify.com", "logged_in_customer_id": "", "path_prefix": "/apps/tweakwise"}
ANYONE = {"profile_key": KEY}
TO_SEE = {"search": {"term": "rode jas"}, "pageview": {"product_id": "1", "variant_id": "2"}}
TO_DO = {
    "addtocart": {"product_id": "1", "quantity": "2"},
    "addtowishlist": {"product_id": "1", "session_key": "s1"},
    "sessionstart": {"session_key": "s1"},
    "itemclick": {"request_id": "r1", "item_id": "1"},
    "pageimpression": {"request_id": "r1", "session_key": "s1"},
}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, migrated_url: str) -> Iterator[FlaskClient]:
    """A client of a receiver with a Shopify shop, one without a salt, and a WooCommerce shop."""
    plain = {key: value for key, value in shop_keys("shopify").items() if key != "profile_salt"}
    text = as_toml("shop", shop_keys("shopify")) + as_toml("saltless", plain)
    for name in ("SHOPS_FILE", "LOG_FORMAT", "SPOOL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SHOPS", text + as_toml("woo", shop_keys("woocommerce")))
    monkeypatch.setenv("VISITOR_RATE", "1000")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    app = create_app()
    yield app.test_client()
    app.extensions["webhooks"].inbox.close()


REPORT = {"order_id": "gid://shopify/Order/5001", "checkout_token": "c0ffee", "profile_key": KEY}


def test_a_report_of_a_checkout_is_stored_once(client: FlaskClient) -> None:
    """By order and token: another report of the same checkout changes nothing; a refusal needs no key."""
    first = ask(client, "checkout", **REPORT)
    again = ask(client, "checkout", **{**REPORT, "order_id": "5001", "profile_key": "1e" * 16})
    refused = ask(client, "checkout", order_id="5002", checkout_token="c0ffee", consent="no")
    assert [answer.json for answer in (first, again, refused)] == [
        {"status": "stored"},
        {"status": "duplicate"},
        {"status": "stored"},
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"profile_key": ""},
        {"profile_key": "undefined"},
        {"profile_key": "jan@example.test"},
        {"checkout_token": ""},
        {"checkout_token": "x" * 129},
        {"order_id": "x"},
        {"order_id": "9" * 30},
    ],
    ids=str,
)
def test_a_report_that_no_order_could_use_is_refused(client: FlaskClient, changed: dict[str, str]) -> None:
    """Outsiders could fill the inbox with such."""
    assert ask(client, "checkout", **{**REPORT, **changed}).status_code == 400


def test_after_installing_the_app_is_a_page(client: FlaskClient) -> None:
    """Shopify's admin leads to the app's address, with parameters: a page for people, which repeats none of them."""
    for path in (SHOP, f"{SHOP}/", f"{SHOP}?shop=evil.example&hmac=x&host=<b>"):
        page = client.get(path)
        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert "App embeds" in page.text
        assert "evil" not in page.text
    assert client.post(SHOP).status_code == 405
    assert {client.get(path).status_code for path in ("/storefront/shopify/none", "/storefront/woocommerce/woo")} == {
        404
    }


def query(parameters: Mapping[str, str], secret: str = NEW, at: float = 0) -> str:
    """The query that the proxy signs for a page's `parameters`, `at` seconds from now."""
    assert PROXY
    return PROXY.sign({**ADDED, **parameters}, secret, time.time() + at).decode()


def ask(client: FlaskClient, action: str, shop: str = SHOP, **parameters: str) -> TestResponse:
    return client.get(f"{shop}/{action}?{query(parameters)}", headers={"User-Agent": "Mozilla/5.0"})


def context_of(client: FlaskClient) -> WebContext:
    context: WebContext = client.application.extensions["webhooks"]
    return context


def stored_count(client: FlaskClient) -> int:
    return sum(stored_deliveries.counts(context_of(client).inbox).values())


@pytest.mark.engines("sqlite", "postgres")
@pytest.mark.parametrize(("action", "parameters"), [*TO_SEE.items(), *TO_DO.items()])
def test_event_is_stored_as_it_was_signed(client: FlaskClient, action: str, parameters: dict[str, str]) -> None:
    """The parameters are stored as signed, with the user agent; the answer holds no number."""
    response = ask(client, action, profile_key=KEY, **parameters)
    assert (response.status_code, response.json) == (200, {"status": "stored"})
    inbox = context_of(client).inbox
    [row] = stored_deliveries.newest(inbox, 1)
    assert (row.topic, row.shop, row.domain) == (f"storefront/{action}", "shop", "acme.myshopify.com")
    found = stored_deliveries.body(inbox, row.id)
    assert found is not None
    headers, body = found
    stored = json.loads(body)
    assert abs(int(stored.pop("timestamp")) - time.time()) < 10
    assert stored == {**ADDED, **parameters, "profile_key": KEY, "user_agent": "Mozilla/5.0"}
    assert headers == {}


@pytest.mark.parametrize("action", ["search", "profile"])
def test_request_of_another_shop_is_refused(client: FlaskClient, action: str) -> None:
    """One app may serve several shops: a shop that names its address accepts only what is signed for it."""
    context = context_of(client)
    pinned = replace(context.shops["shop"], domain=("acme.myshopify.com",))
    context.shops = {**context.shops, "shop": pinned}
    assert ask(client, action, term="a", **ANYONE).status_code == 200
    capitals, other = ({"term": "b", "shop": shop, **ANYONE} for shop in ("ACME.myshopify.com", "other.myshopify.com"))
    assert client.get(f"{SHOP}/{action}?{query(capitals)}").status_code == 200
    response = client.get(f"{SHOP}/{action}?{query(other)}")
    assert (response.status_code, (response.json or {})["error"]) == (401, "other_shop")


def test_with_slash_at_the_end(client: FlaskClient) -> None:
    """A trailing slash is accepted without a redirect."""
    assert ask(client, "search/", term="a", profile_key=KEY).status_code == 200
    assert ask(client, "profile/").status_code == 200


@pytest.mark.engines("sqlite", "postgres")
def test_the_same_request_again_is_a_duplicate(client: FlaskClient) -> None:
    """Sending a signed request again does not count it twice."""
    asked = f"{SHOP}/search?{query({'term': 'a', **ANYONE})}"
    assert [client.get(asked).json for _ in "ab"] == [{"status": "stored"}, {"status": "duplicate"}]
    assert stored_count(client) == 1


def test_same_parameters_of_another_event_are_another_delivery(client: FlaskClient) -> None:
    """The topic is part of the identity."""
    same = query({"product_id": "1", "quantity": "1", **ANYONE})
    assert [client.get(f"{SHOP}/{action}?{same}").json for action in ("pageview", "addtocart")] == [
        {"status": "stored"},
        {"status": "stored"},
    ]


def test_rotated_secret_passes(client: FlaskClient) -> None:
    """While the app's secret is rotated, both are accepted."""
    assert client.get(f"{SHOP}/search?{query({'term': 'a', **ANYONE}, OLD)}").status_code == 200


REFUSALS: dict[str, list[Callable[[], str]]] = {
    "signature_missing": [lambda: "", lambda: "term=a&profile_key=" + KEY],
    "signature_mismatch": [lambda: query({}) + "&x=1", lambda: query({}, "another secret")],
    "signature_repeated": [lambda: query({}) + "&signature=" + "0" * 64],
    "timestamp_too_old": [lambda: query({}, at=-120)],
    "timestamp_too_new": [lambda: query({}, at=120)],
    "shop_repeated": [lambda: query({}) + "&shop=other.myshopify.com"],
    "logged_in_customer_id_repeated": [lambda: query({}) + "&logged_in_customer_id=7"],
}


@pytest.mark.parametrize("action", ["search", "profile", "wishlist"])
@pytest.mark.parametrize("reason", REFUSALS)
def test_unverified_is_401_with_its_reason(client: FlaskClient, reason: str, action: str) -> None:
    """The answer and the log name the same reason, nothing is stored, and nothing that was sent is repeated."""
    for asked in REFUSALS[reason]:
        with capture_logs() as lines:
            context_of(client).sampled_log = SampledLog()
            response = client.get(f"{SHOP}/{action}?{asked()}")
        assert (response.status_code, response.json and response.json["error"]) == (401, reason)
        assert [(line["event"], line["reason"]) for line in lines] == [("webhook_rejected", reason)]
        assert KEY not in f"{lines}{response.text}"
    assert stored_count(client) == 0


def test_unknown_shop_is_404(client: FlaskClient) -> None:
    """The same holds for a platform without a proxy."""
    for shop in ("shopify/other", "none/shop", "woocommerce/woo"):
        response = client.get(f"/storefront/{shop}/search?{query({'term': 'a', **ANYONE})}")
        assert (response.status_code, response.json and response.json["error"]) == (404, "unknown_shop")


def test_unknown_event_is_404(client: FlaskClient) -> None:
    """Only what the platform's topics name is stored."""
    for action in ("wishlist", "orders", "..", "%00", "search%2Fx"):
        assert ask(client, action, term="a").status_code == 404
    assert stored_count(client) == 0


@pytest.mark.parametrize("action", ["search", "search/", "profile"])
def test_other_methods_are_405(client: FlaskClient, action: str) -> None:
    """A body would not be signed, so only GET is accepted."""
    for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        response = client.open(f"{SHOP}/{action}?{query({'term': 'a', **ANYONE})}", method=method, data=b"{}")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")
    assert stored_count(client) == 0


NEVER_SENT: dict[str, tuple[str, dict[str, str]]] = {
    "no_profile": ("search", {"term": "a"}),
    "no_term": ("search", {"term": " ", **ANYONE}),
    "unreadable": ("search", {**ANYONE}),
    "bad_profile_key": ("pageview", {"product_id": "1", "profile_key": "a b"}),
    "personal_data": ("pageview", {"product_id": "1", "profile_key": "jan@example.test"}),
}


@pytest.mark.parametrize("reason", NEVER_SENT)
def test_what_can_never_be_sent_is_not_stored(client: FlaskClient, reason: str) -> None:
    """An event without a usable key, product or term is refused with the reason, and nothing of it is repeated."""
    action, parameters = NEVER_SENT[reason]
    response = ask(client, action, **parameters)
    body: dict[str, str] = response.json or {}
    assert (response.status_code, body["error"], bool(body["hint"])) == (400, reason, True)
    assert "jan@" not in response.text
    assert stored_count(client) == 0


def test_customer_needs_no_key(client: FlaskClient) -> None:
    """A customer's key is derived; a shop without a salt cannot derive one."""
    assert ask(client, "search", term="a", logged_in_customer_id="7").status_code == 200
    saltless = ask(client, "search", "/storefront/shopify/saltless", term="a", logged_in_customer_id="7")
    assert (saltless.json or {})["error"] == "no_profile"


def ask_from(client: FlaskClient, forwarded_for: str, action: str = "search", **parameters: str) -> int:
    headers = {"User-Agent": "Mozilla/5.0", "X-Forwarded-For": forwarded_for}
    return client.get(f"{SHOP}/{action}?{query({'term': 'a', **parameters})}", headers=headers).status_code


@pytest.mark.parametrize("action", ["search", "profile"])
def test_invented_visitors_of_an_address_are_429(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """An address has few new visitors, whatever it writes into the header itself; others and known ones are served."""
    monkeypatch.setattr(
        context_of(client), "rate_limiter", RateLimiter(visitor_rate=240, shop_rate=1000, clock=lambda: 0.0)
    )
    own = {"profile_key": KEY}
    assert ask_from(client, "203.0.113.7", **own) == 200
    given = ({"profile_key": f"invented{number}"} if action == "search" else {} for number in range(30))
    codes = [ask_from(client, f"1.1.1.{number}, 203.0.113.7", action, **each) for number, each in enumerate(given)]
    assert (codes.count(200), codes.count(429)) == (9, 21)
    assert ask_from(client, "203.0.113.7", **own) == 200
    assert ask_from(client, "203.0.113.8", action, profile_key="another") == 200


def test_clicks_make_no_visitor_known(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A click needs no profile key, and invented ones that come with clicks are still new when they view."""
    limiter = RateLimiter(visitor_rate=240, shop_rate=1000, clock=lambda: 0.0)
    monkeypatch.setattr(context_of(client), "rate_limiter", limiter)
    click = {"request_id": "r1", "item_id": "1"}
    assert ask_from(client, "203.0.113.7", "itemclick", **click) == 200
    keys = [{"profile_key": f"invented{number}"} for number in range(30)]
    assert {ask_from(client, "203.0.113.7", "itemclick", **click, **key) for key in keys} == {200}
    codes = [ask_from(client, "203.0.113.7", **key) for key in keys]
    assert (codes.count(200), codes.count(429)) == (10, 20)
    assert 429 in {ask_from(client, "203.0.113.7", "itemclick", **click, session_key=f"s{n}") for n in range(240)}


def test_too_many_of_a_visitor_is_429(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """One visitor cannot fill the inbox; others are still accepted, and /profile counts too."""
    monkeypatch.setattr(context_of(client), "rate_limiter", RateLimiter(visitor_rate=24, shop_rate=1000))
    codes = [ask_from(client, f"203.0.113.{number}", profile_key=KEY) for number in range(30)]
    assert (codes.count(200) >= 24, codes.count(429) > 0) == (True, True)
    assert int(ask(client, "search", term="a", profile_key=KEY).headers["Retry-After"]) > 0
    assert ask(client, "profile", profile_key=KEY).status_code == 429
    assert ask(client, "search", term="a", profile_key=KEY[::-1]).status_code == 200
    assert ask(client, "search", term="a", profile_key=KEY, logged_in_customer_id="7").status_code == 200


def test_too_many_of_a_shop_is_429(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Invented visitors cannot fill it either; unverified requests do not count."""
    monkeypatch.setattr(context_of(client), "rate_limiter", RateLimiter(visitor_rate=100_000, shop_rate=20))
    for _ in range(5):
        assert client.get(f"{SHOP}/search?term=a").status_code == 401
    answers = [ask(client, "search", term="a", profile_key=KEY) for number in range(60)]
    assert 429 in {answer.status_code for answer in answers}
    assert answers[0].status_code == 200


@pytest.mark.engines("sqlite", "postgres")
def test_store_away_is_503(client: FlaskClient) -> None:
    """While the store is unavailable events are answered with 503, and /profile still works."""
    with context_of(client).inbox.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO away")
    response = ask(client, "search", term="a", profile_key=KEY)
    assert (response.status_code, int(response.headers["Retry-After"]) > 0) == (503, True)
    assert ask(client, "profile").status_code == 200


def test_nothing_is_cached(client: FlaskClient) -> None:
    """No response may be cached, refusals included."""
    answers = [
        ask(client, "search", term="a"),
        ask(client, "profile"),
        ask(client, "wishlist"),
        client.get(f"{SHOP}/search"),
        client.post(f"{SHOP}/search"),
        client.get("/storefront/shopify/other/search"),
    ]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}
    assert not [answer for answer in answers if answer.headers.get("Set-Cookie")]


def key_for(client: FlaskClient, shop: str = SHOP, **parameters: str) -> str:
    response = ask(client, "profile", shop, **parameters)
    assert response.status_code == 200
    body: dict[str, str] = response.json or {}
    assert list(body) == ["profile_key"]
    assert profile_key.is_usable(body["profile_key"])
    return body["profile_key"]


def test_profile_of_a_logged_in_customer(client: FlaskClient) -> None:
    """An account has the key that its orders get, whatever key the browser had before."""
    derived = profile_key.derived_key("7622276412885", SALT)
    assert key_for(client, logged_in_customer_id="7622276412885", profile_key=KEY) == derived
    assert key_for(client, logged_in_customer_id="7622276412885") == derived


def test_profile_of_a_visitor(client: FlaskClient) -> None:
    """A visitor who is not logged in keeps the key; so does everyone in a shop without a salt."""
    assert key_for(client, profile_key=KEY) == KEY
    assert key_for(client, "/storefront/shopify/saltless", profile_key=KEY, logged_in_customer_id="7") == KEY
    assert stored_count(client) == 0


def test_profile_of_a_new_visitor(client: FlaskClient) -> None:
    """An unusable key is replaced by a random one, a new one each time."""
    unusable = ("", "", "jan@example.test", "0612345678", "a b", "x" * 129, "é", "<script>")
    keys = {key_for(client, profile_key=given) for given in unusable}
    assert len(keys) == len(unusable)
    assert {len(key) for key in keys} == {32}


def test_log_holds_nothing_of_the_visitor(client: FlaskClient) -> None:
    """At debug level shop, topic and number are logged, and nothing else."""
    with capture_logs() as lines:
        ask(client, "search", term="zwangerschapstest", profile_key=KEY, logged_in_customer_id="7622276412885")
    assert [line["event"] for line in lines] == ["webhook_stored"]
    assert not [word for word in ("zwanger", KEY, "7622276412885") if word in str(lines)]


ODD = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ANY_ACTION = st.sampled_from([*TO_SEE, *TO_DO, "profile", "x", "%2e%2e", "%ff"])
fuzzed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(
    parameters=st.dictionaries(st.sampled_from(["term", "product_id", "profile_key", "é", ""]), ODD, max_size=4),
    action=ANY_ACTION,
    agent=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
)
@fuzzed
def test_any_signed_query_is_no_5xx(client: FlaskClient, parameters: dict[str, str], action: str, agent: str) -> None:
    """Any signed request is stored, can never be sent, or its event is unknown."""
    environ: dict[str, Any] = {"QUERY_STRING": query(parameters), "HTTP_USER_AGENT": agent}
    response = client.get(f"{SHOP}/{action}", environ_overrides=environ)
    assert response.status_code in {200, 400, 404, 429}


@given(
    asked=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="#"), max_size=100),
    action=ANY_ACTION,
)
@fuzzed
def test_any_other_query_is_refused(client: FlaskClient, asked: str, action: str) -> None:
    """Any unsigned request is refused with a reason and stores nothing."""
    response = client.get(f"{SHOP}/{action}", environ_overrides={"QUERY_STRING": asked})
    assert response.status_code in {401, 404}
    assert stored_count(client) == 0
