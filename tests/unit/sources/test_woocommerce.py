"""WooCommerce's REST API, as the shops in the field answer."""

from __future__ import annotations

import json
import ssl
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import woocommerce_api as api
from tests.support.api_server import Request
from tests.support.certificates import make_certificate
from tests.support.recordings import EVERY, RECEIVED_AT, SIGNED, payload_of
from webhook_app import exact_json
from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import SourceError
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import BACKFILL
from webhook_app.sources import all_sources, oauth1
from webhook_app.sources.base import Window
from webhook_app.sources.dates import milliseconds
from webhook_app.sources.woocommerce import FIELDS, NOT_ORDERS
from webhook_app.translation.translate import AgeLimits, translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.api_server import Override
    from tests.support.recordings import Recorded
    from webhook_app.config import shops
    from webhook_app.sources.base import Connection

AGES = AgeLimits(7 * 86_400, 86_400)
FAST = 10_000.0  # requests a second
PLATFORM = all_platforms()["woocommerce"]


def row(number: int, **changed: Any) -> api.Row:
    return {
        "id": number,
        "number": f"W{number}",
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-11-20T10:00:00",
        "date_modified_gmt": "2026-11-20T10:00:00",
        "date_paid_gmt": None,
        "customer_id": 4,
        "billing": {"first_name": "Made", "email": "made@up.example"},
        "meta_data": [{"id": 1, "key": "_billing_phone_2", "value": "0612345678"}],
        "line_items": [{"id": 1, "name": "Mug", "product_id": 10, "variation_id": 0, "quantity": 1, "total": "9.95"}],
        "fee_lines": [],
        **changed,
    }


def connected(url: str, shop: shops.Shop | None = None) -> Connection:
    shop = shop or EVERY[-1].shop
    return all_sources()["woocommerce"].connect(replace(shop, api=ShopApi(url, api.KEY, api.SECRET)), FAST)


def ids(connection: Connection, since: int = 0, *, by_change: bool = False) -> set[int]:
    return {int(one.id) for page in connection.pages(Window(since, by_change=by_change)) for one in page}


def is_listed(recorded: Recorded) -> bool:
    """Whether a fixture is an order as the current API lists it."""
    with suppress(ValueError):
        payload = exact_json.parse(recorded.body)
        return recorded.platform is PLATFORM and (
            {"id", "status", "line_items", "date_created_gmt"} <= set(payload) and "billing_period" not in payload
        )
    return False


def test_an_order_is_the_same_by_webhook_and_by_api() -> None:
    """Whichever way an order comes, the decision about it is the same, and so is the call."""
    listed = [one for one in SIGNED if is_listed(one) and PLATFORM.topic(one.delivery().topic)]
    assert len(listed) > 40
    shop = api.Shop()
    with api.serving(shop) as url:
        for recorded in listed:
            payload = json.loads(recorded.body)
            shop.orders = {int(payload["id"]): payload}
            found = [one for page in connected(url, recorded.shop).pages(Window(0)) for one in page]
            if payload["status"] in NOT_ORDERS:
                assert not found
                continue
            by_webhook = payload_of(recorded.delivery())
            by_api = payload_of(replace(recorded.delivery(), topic=BACKFILL, body=found[0].body))
            first, second = (translate(one, recorded.shop, PLATFORM, AGES, RECEIVED_AT) for one in (by_webhook, by_api))
            assert first == second, recorded.name


def test_only_needed_fields_are_asked_for_and_stored() -> None:
    """No name, no address and no meta data but what translation reads."""
    shop = api.Shop(orders={1: row(1)})
    with api.serving(shop) as url:
        [[order]] = connected(url).pages(Window(0))
    assert shop.asked[0].query["_fields"] == ",".join(FIELDS)
    assert order.name == "W1"
    for personal in (b"Made", b"made@up", b"0612345678", b"Mug"):
        assert personal not in order.body


def test_key_and_secret_in_the_query(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some hosts remove the Authorization header; the key is then sent in the query, over https alone."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    shop = api.Shop(orders={1: row(1)}, takes_header=False)
    with api.serving(shop, context) as url:
        assert ids(connected(url)) == {1}
        assert connected(url).create_webhook("order.created", "https://r.example", "s").id == "1"
    # As the woocommerce 3.0.0 of PyPI sends it, and with query_string_auth the query.
    assert shop.asked[0].headers["authorization"] == "Basic Y2tfdGVzdDpjc190ZXN0"
    assert (shop.asked[1].query["consumer_key"], shop.asked[1].query["consumer_secret"]) == (api.KEY, api.SECRET)


@pytest.mark.parametrize("most", [100, 50])
def test_orders_are_added_and_deleted_while_paging(most: int) -> None:
    """An order that is there from the beginning to the end is listed."""
    shop = api.Shop(orders={number: row(number) for number in range(1, 251)}, most=most)

    def before(request: Request) -> None:
        if request.number == 2:
            for number in range(1, 31):
                del shop.orders[number]
        shop.add(row(1000 + request.number))

    shop.before = before
    with api.serving(shop) as url:
        assert set(range(31, 251)) <= ids(connected(url))


def test_a_500_on_page_3_is_asked_again() -> None:
    """A single failure ends nothing."""
    shop = api.Shop(orders={number: row(number) for number in range(1, 301)})
    shop.before = lambda request: (500, {}, b"") if request.number == 3 else None
    with api.serving(shop) as url:
        assert ids(connected(url)) == set(range(1, 301))


def from_page_3(answer: Override) -> Callable[[Request], Override | None]:
    return lambda request: answer if request.number >= 3 else None


HTML = b"<!DOCTYPE html><html><body>Checking your browser</body></html>"
ELSEWHERE = {"Location": "http://elsewhere.example/wp-json/wc/v3/orders"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (api.error("woocommerce_rest_cannot_view", 401), "api_scope_missing"),
        (api.error("woocommerce_rest_authentication_error", 401), "api_unauthorized"),
        ((401, {}, b""), "api_unauthorized"),
        ((403, {"Content-Type": "text/html"}, HTML), "api_unauthorized"),
        ((429, {"Retry-After": "0"}, b""), "api_throttled"),
        ((500, {}, b""), "api_unreachable"),
        ((503, {}, HTML), "api_unreachable"),
        ((200, {"Content-Type": "text/html"}, HTML), "api_odd_answer"),
        ((200, {}, b'{"code":"woocommerce_rest_authentication_error","message":"x"}'), "api_unauthorized"),
        ((200, {}, b'{"something":"else"}'), "api_odd_answer"),
        ((200, {}, b"[1, 2]"), "api_odd_answer"),
        ((200, {}, b"[" * 100_000), "api_odd_answer"),
        ((404, {}, HTML), "api_odd_answer"),
        ((301, ELSEWHERE, b""), "api_odd_answer"),
        ((307, ELSEWHERE, b""), "api_odd_answer"),
        ((200, {"Content-Length": "900", "Connection": "close"}, b"[{"), "api_unreachable"),
    ],
)
def test_an_answer_that_is_wrong_has_a_name(answer: Override, reason: str) -> None:
    """A list that is not read to its end ends with a named error, and a sentence without the credentials."""
    shop = api.Shop(orders={number: row(number) for number in range(1, 301)}, before=from_page_3(answer))
    with api.serving(shop) as url, pytest.raises(SourceError) as failed:
        ids(connected(url))
    assert failed.value.reason == reason
    assert api.SECRET not in str(failed.value)
    assert "127.0.0.1" in str(failed.value)


def test_no_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Some hosts need the secret in the query, so no library may log what it asks again."""
    shop = api.Shop(before=lambda _: (503, {}, b""))
    with api.serving(shop) as url, pytest.raises(SourceError):
        ids(connected(url))
    assert len(shop.asked) == 5
    assert caplog.text == ""


def test_nothing_listens() -> None:
    """A shop that is away is a named error."""
    with api.serving(api.Shop()) as url:
        pass
    with pytest.raises(SourceError) as failed:
        ids(connected(url))
    assert failed.value.reason == "api_unreachable"


def test_a_version_that_ignores_the_time_of_change_lists_new_orders() -> None:
    """Before 5.8 `modified_after` does nothing: not every order is downloaded then."""
    old = {number: row(number) for number in range(1, 501)}
    late = {"date_created_gmt": "2026-11-22T10:00:00", "date_modified_gmt": "2026-11-22T10:00:00"}
    shop = api.Shop(orders={**old, 501: row(501, **late)}, knows_changes=False)
    since = int(RECEIVED_AT.timestamp() * 1000) - 2 * 86_400_000
    with api.serving(shop) as url:
        assert ids(connected(url), since, by_change=True) == {501}
    assert len(shop.asked) == 2


@pytest.mark.parametrize("zone", [-11, 0, 2, 14])
def test_a_version_that_compares_with_the_shops_own_time_lists_all(zone: int) -> None:
    """Before 5.8 `dates_are_gmt` does nothing either; the window is that of UTC all the same."""
    dates = {n: f"2026-11-{n:02d}T10:00:00" for n in range(1, 21)}
    orders = {n: row(n, date_created_gmt=date, date_modified_gmt=date) for n, date in dates.items()}
    with api.serving(api.Shop(orders=orders, knows_changes=False, zone=zone)) as url:
        connection = connected(url)
        window = Window(milliseconds(dates[5]) or 0, milliseconds(dates[12]))
        assert [int(one.id) for page in connection.pages(window) for one in page] == list(range(5, 12))
        assert ids(connection, milliseconds(dates[18]) or 0, by_change=True) == {18, 19, 20}


def test_an_order_without_a_date_ends_nothing() -> None:
    """An importer may write orders without a date: the others are listed, and it is dated by what it has."""
    shop = api.Shop(orders={1: row(1, date_created_gmt=None), 2: row(2)}, now=1_795_000_000.0)
    shop.orders[3] = row(3, date_created_gmt=None, date_modified_gmt=None)
    with api.serving(shop) as url:
        listed = [connected(url).order(str(number)) for number in (1, 2, 3)]
    changed = milliseconds("2026-11-20T10:00:00")
    assert [one and one.placed_at for one in listed] == [changed, changed, 1_795_000_000_000]


def test_dates_are_of_utc_whatever_the_zone_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A date without a zone is in UTC, also in the hour that daylight saving time leaves out or repeats."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert milliseconds("2026-03-08T02:30:00") == 1_772_937_000_000
        assert milliseconds("2026-03-07T21:30:00-05:00") == 1_772_937_000_000
        assert milliseconds("2026-03-08T02:30:00Z") == 1_772_937_000_000
    finally:
        monkeypatch.undo()
        time.tzset()


def test_webhooks_of_all_pages_are_listed() -> None:
    """A webhook of this receiver may be on the second page, and would be created again."""
    hook = {"topic": "order.created", "delivery_url": "https://e.example", "status": "active"}
    with api.serving(api.Shop(webhooks={number: {"id": number, **hook} for number in range(1, 206)})) as url:
        assert [one.id for one in connected(url).webhooks()] == [str(number) for number in range(1, 206)]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_host_that_cannot_answer_for_100_orders_is_asked_for_fewer(status: int) -> None:
    """Time or memory of a small host ends before a page is made; what it can do is remembered."""
    shop = api.Shop(orders={number: row(number) for number in range(1, 131)})
    shop.before = lambda request: (status, {}, b"") if int(request.query.get("per_page", 1)) > 50 else None
    with api.serving(shop) as url:
        connection = connected(url)
        assert ids(connection) == set(range(1, 131))
        before = len(shop.asked)
        assert ids(connection) == set(range(1, 131))
    assert all(one.query["per_page"] == "50" for one in shop.asked[before:])


RECORDED = json.loads((Path(__file__).parents[2] / "support/woocommerce_answers.json").read_text(encoding="utf-8"))
WRONG = {"wrong_secret", "wrong_key"}


@pytest.mark.parametrize("name", RECORDED)
def test_the_stand_in_answers_as_the_recorded_shop(name: str) -> None:
    """Status, code, counts and fields are those of a real WooCommerce."""
    recorded = RECORDED[name]
    rows = {one["id"]: one for one in RECORDED["orders"]["body"]}
    hooks = {one["id"]: one for one in RECORDED["webhooks"]["body"]}
    shop = api.Shop(
        orders={1: row(1), **rows, 99: row(99, date_modified_gmt="2026-11-27T00:00:00")},
        webhooks=hooks,
        only_reads=name.startswith("read_only"),
    )
    key = {"oauth_consumer_key": "ck_wrong" if name in WRONG else api.KEY, "oauth_signature": "s"}
    query = recorded["query"] | ({} if name == "no_key" else key)
    path = f"/wp-json/wc/v3{recorded['path']}"
    status, headers, body = api.answer(shop, Request(1, recorded["method"], path, query, {}, {}))
    answered = json.loads(body)
    assert status == recorded["status"]
    assert headers.keys() == recorded["headers"].keys()
    if isinstance(recorded["body"], list):
        assert answered[0].keys() == recorded["body"][0].keys()
    else:
        assert answered["code"] == recorded["body"]["code"]


def test_a_recorded_order_is_read() -> None:
    """What a real shop sent becomes a listed order, without the names of its products."""
    shop = api.Shop(orders={one["id"]: one for one in RECORDED["orders"]["body"]})
    with api.serving(shop) as url:
        [[first, second]] = connected(url).pages(Window(0))
    assert (first.name, second.name, first.currency) == ("13", "14", "EUR")
    assert first.identity == f"backfill:13:{RECORDED['orders']['body'][0]['date_modified_gmt']}"
    assert b"MUG" not in first.body.replace(b"MUG-BLUE", b"").replace(b"MUG-RED", b"")


def test_the_servers_clock_is_read() -> None:
    """Windows go by the clock that dates the orders."""
    with api.serving(api.Shop(now=1_795_000_000.0)) as url:
        assert connected(url).now() == 1_795_000_000_000


def test_an_order_is_found_by_id_and_by_number() -> None:
    """A plugin may give orders numbers of their own."""
    with api.serving(api.Shop(orders={7: row(7), 8: {**row(8), "number": "2026-8"}})) as url:
        connection = connected(url)
        found = [connection.order(name) for name in ("7", "#W7", "#2026-8", "9", "none")]
    assert [one and one.id for one in found] == ["7", "7", "8", None, None]


def test_webhooks_are_listed_created_and_enabled() -> None:
    """WooCommerce ignores the status of a new webhook, so it is set in a second step."""
    shop = api.Shop()
    with api.serving(shop) as url:
        connection = connected(url)
        made = connection.create_webhook("order.created", "https://r.example/webhooks/woocommerce/acme", "s")
        [listed] = connection.webhooks()
        assert (listed.topic, listed.is_active) == ("order.created", True)
        shop.webhooks[int(made.id)]["status"] = "disabled"
        [listed] = connection.webhooks()
        assert listed.was_disabled
        connection.repair_webhook(listed)
        assert connection.webhooks()[0].is_active
    assert shop.webhooks[1]["secret"] == "s"


def test_a_request_over_http_is_signed_and_names_no_secret() -> None:
    """Over plain http the secret is not sent."""
    shop = api.Shop(orders={1: row(1)})
    with api.serving(shop) as url:
        ids(connected(url))
    assert shop.asked[0].query["oauth_signature"]
    assert api.SECRET not in str(shop.asked)
    assert "authorization" not in shop.asked[0].headers


# Method, path, parameters, and the signature that the woocommerce 3.0.0 of PyPI makes of them. It leaves a slash as it
# is, which WooCommerce refuses: none of these has one.
SIGNATURES = [
    (
        "GET",
        "/orders",
        {"after": "2026-11-20T10:00:00", "_fields": "id,number", "search": "a b+c&d=é"},
        "xOqlWh5s0QlKF4ZGRXqjbLN7PdXvY5pkuhI/JrJ2CPQ=",
    ),
    ("GET", "/orders/12", {}, "VFvG2RYtVbWlyH0E52aAdJuOR+AhfjOTYaDKz5MTXBw="),
    (
        "GET",
        "/orders",
        {"offset": "0", "per_page": "100", "orderby": "id", "order": "asc", "dates_are_gmt": "true"},
        "7arXUd+1djS24z1S3jr+jWRstptcoIw+nNeSq5G8TU8=",
    ),
    ("GET", "/orders", {"search": "~*'()!%", "per_page": "20"}, "mjTprVHHqNOG3gLz/gcNNohipX2lvxSHN2HMaDslZ3A="),
    ("POST", "/webhooks", {}, "mD951ljSSLezR3s/BiwpIuWBD6XjPwvvGv8BaPcCTZU="),
    ("PUT", "/webhooks/7", {}, "mo+Plb+0liVXbqa6v+VV+KGKO2tJZiVdxcX6qwT46Zg="),
]


@pytest.mark.parametrize(("method", "path", "asked", "signature"), SIGNATURES)
def test_a_signature_is_that_of_another_client(method: str, path: str, asked: dict[str, str], signature: str) -> None:
    """OAuth 1.0a has many traps: the package of PyPI, which many shops use, signs the same."""
    url = f"http://shop.example/wp-json/wc/v3{path}"
    signed = oauth1.signed(method, url, asked, "ck_a", "cs_b", 1_795_000_000, "n1")
    assert signed["oauth_signature"] == signature
