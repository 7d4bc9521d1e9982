"""Shopify's Admin API, as its documentation describes it: see tests/support/shopify_api.py."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from graphql import build_schema, parse, validate

from tests.support import shopify_api as api
from tests.support.recordings import FOLDER, ORDER, RECEIVED_AT, SIGNED, payload_of
from webhook_app import exact_json
from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import SourceError
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import BACKFILL
from webhook_app.sources import all_sources, shopify, shopify_orders
from webhook_app.sources.base import Window
from webhook_app.translation.translate import AgeLimits, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from tests.support.api_server import Override, Request
    from tests.support.recordings import Recorded
    from webhook_app.config.shops import Shop
    from webhook_app.sources.base import Connection

PLATFORM = all_platforms()["shopify"]
AGES = AgeLimits(7 * 86_400, 86_400)
FAST = 10_000.0  # requests a second
# Bodies with fields left out or of odd types, which the API always gives, and of versions that no API has any more.
ONLY_BY_WEBHOOK = {
    "attributes-as-an-object",
    "dates-of-another-style",
    "no-taxes-included",
    "odd-fields-that-are-not-needed",
    "subtotal-of-lines-without-allocations",
    "refunded-in-full-in-an-old-api-version",
    "refunds-of-an-old-api-version",
}


def connected(url: str, shop: Shop | None = None, **changed: str) -> Connection:
    given: dict[str, Any] = {"client_id": api.ID, "client_secret": api.SECRET, **changed}
    return all_sources()["shopify"].connect(replace(shop or ORDER.shop, api=ShopApi(url, **given)), FAST)


def order(number: int, **changed: Any) -> api.Row:
    row: api.Row = json.loads(ORDER.body)
    return {**row, "id": number, "name": f"#{number}", "updated_at": row["created_at"], **changed}


def ids(connection: Connection, window: Window | None = None) -> list[int]:
    return [int(one.id) for page in connection.pages(window or Window(0)) for one in page]


def payload(recorded: Recorded) -> dict[str, Any]:
    with suppress(ValueError):
        parsed = exact_json.parse(recorded.body)
        if recorded.platform is PLATFORM and isinstance(parsed, dict):
            return parsed
    return {}


def is_listed(recorded: Recorded) -> bool:
    """Whether a fixture is an order of the current API, which a list could have."""
    given = payload(recorded)
    needed = {"id", "created_at", "line_items", "financial_status"}
    return needed <= set(given) and recorded.delivery().topic in {"orders/create", "orders/updated"}


def test_an_order_is_the_same_by_webhook_and_by_api() -> None:
    """Whichever way an order comes, the decision about it is the same, and so is the call."""
    listed = [one for one in SIGNED if is_listed(one)]
    compared = [one for one in listed if one.name.rpartition("__")[2] not in ONLY_BY_WEBHOOK]
    assert len(compared) > 60
    shop = api.Shop()
    with api.serving(shop) as url:
        for recorded in compared:
            row = json.loads(recorded.body)
            shop.orders = {row["id"]: row}
            [found] = [one for page in connected(url, recorded.shop).pages(Window(0)) for one in page]
            fetched = replace(recorded.delivery(), topic=BACKFILL, body=found.body)
            one, other = (
                translate(payload_of(each), recorded.shop, PLATFORM, AGES, RECEIVED_AT)
                for each in (recorded.delivery(), fetched)
            )
            assert without_note(one) == without_note(other), recorded.name


def without_note(decision: Any) -> Any:
    return replace(decision, note="", address="") if isinstance(decision, Call) else decision


def test_pages_and_lines_are_read_to_their_end() -> None:
    """More orders than a page has, and more lines than the first page of them."""
    line = json.loads(ORDER.body)["line_items"][0]
    lines = [{**line, "product_id": number} for number in range(1, 251)]
    shop = api.Shop(orders={number: order(number) for number in range(1, 131)} | {200: order(200, line_items=lines)})
    with api.serving(shop) as url:
        pages = [one for page in connected(url).pages(Window(0)) for one in page]
    assert [int(one.id) for one in pages] == [*range(1, 131), 200]
    assert len(json.loads(pages[-1].body)["line_items"]) == 250


def test_only_needed_fields_are_asked_for_and_stored() -> None:
    """No name, no address, no other attribute; the customer's id only where a key is derived from it."""
    row = order(1, note_attributes=[{"name": "gift", "value": "for Made Up"}], email="made@up.example")
    shop = api.Shop(orders={1: row})
    with api.serving(shop) as url:
        [[found]] = connected(url).pages(Window(0))
        ids(connected(url, replace(ORDER.shop, profile_salt=None)))
    assert b"Made" not in found.body
    assert b"made@up" not in found.body
    queries = [one.sent["query"] for one in shop.asked if "query" in one.sent]
    assert ["customer {" in query for query in queries] == [ORDER.shop.profile_salt is not None, False]


def test_orders_change_while_paging() -> None:
    """A cursor leaves no order out while others are changed, added and deleted."""
    shop = api.Shop(orders={number: order(number) for number in range(1, 101)})

    def before(request: Request) -> None:
        shop.orders.pop(request.number, None)
        shop.orders[1000 + request.number] = order(1000 + request.number)

    shop.before = before
    with api.serving(shop) as url:
        assert set(range(10, 101)) <= set(ids(connected(url)))


def test_a_query_that_is_too_expensive_is_made_smaller() -> None:
    """Shopify refuses a query by its cost; the pages get smaller, and nothing is left out."""
    shop = api.Shop(orders={number: order(number) for number in range(1, 101)})
    with api.serving(shop) as url:
        connection = connected(url)
        assert ids(connection) == list(range(1, 101))
    assert all(one.sent["variables"]["first"] <= 25 for one in shop.asked if one.sent.get("variables"))


def test_throttling_is_waited_for() -> None:
    """THROTTLED comes with status 200; the query is repeated once there are points again."""
    shop = api.Shop(orders={1: order(1)}, available=0, restored=400)
    with api.serving(shop) as url:
        assert ids(connected(url)) == [1]
    assert len(shop.asked) > 2


def test_a_token_is_fetched_once_and_again_when_it_ends() -> None:
    """The app's token lasts a day; one that was revoked is replaced at once."""
    shop = api.Shop(orders={number: order(number) for number in range(1, 101)}, life=2)
    with api.serving(shop) as url:
        connection = connected(url)
        assert ids(connection) == list(range(1, 101))
        assert shop.tokens >= 2
        assert all(api.SECRET not in json.dumps(one.headers) for one in shop.asked)


def test_a_token_of_a_custom_app_is_used_as_it_is() -> None:
    """Older custom apps have a token that does not end."""
    shop = api.Shop(orders={1: order(1)}, tokens=7)
    with api.serving(shop) as url:
        connection = connected(url, client_id="", client_secret="", token="token-7")
        assert ids(connection) == [1]
    assert not [one for one in shop.asked if one.path.endswith("access_token")]


def test_missing_permissions_are_named() -> None:
    """Each scope that the app lacks, and that older orders need one of their own."""
    with api.serving(api.Shop(scopes=("read_orders", "write_products"))) as url:
        report = connected(url).access()
    assert [one.split("lacks ")[1].split(".")[0] for one in report.problems] == ["read_customers"]
    assert any("60 days" in note for note in report.notes)


ERRORS = {
    "api_scope_missing": {"errors": [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}], "data": None},
    "api_throttled": {"errors": [{"message": "x", "extensions": {"code": "THROTTLED"}}]},
    "api_odd_answer": {"errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]},
}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        *((((200, {}, json.dumps(text).encode())), reason) for reason, text in ERRORS.items()),
        ((200, {}, b"{}"), "api_odd_answer"),
        ((200, {}, b"[]"), "api_odd_answer"),
        ((200, {}, b"<html>"), "api_odd_answer"),
        ((401, {}, b"{}"), "api_unauthorized"),
        ((403, {}, b"{}"), "api_unauthorized"),
        ((402, {}, b"{}"), "api_odd_answer"),
        ((429, {}, b"{}"), "api_throttled"),
        ((502, {}, b"<html>"), "api_unreachable"),
        ((302, {"Location": "https://elsewhere.example/"}, b""), "api_odd_answer"),
    ],
)
def test_an_answer_that_is_wrong_has_a_name(answer: Override, reason: str) -> None:
    """Also one whose status is 200."""
    shop = api.Shop(orders={number: order(number) for number in range(1, 101)})
    shop.before = lambda request: answer if request.number >= 4 and "query" in request.sent else None
    with api.serving(shop) as url, pytest.raises(SourceError) as failed:
        ids(connected(url))
    assert failed.value.reason == reason
    assert api.SECRET not in str(failed.value)


def test_wrong_credentials_give_no_token() -> None:
    """The message says whose they must be."""
    with api.serving(api.Shop()) as url, pytest.raises(SourceError, match="gives no token") as failed:
        ids(connected(url, client_secret="wrong"))
    assert failed.value.reason == "api_unauthorized"


def test_a_cursor_that_does_not_move_is_an_odd_answer() -> None:
    """A pager that never ends is stopped."""
    page = {"nodes": [api.node(order(1), 5)], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}
    shop = api.Shop()
    text = json.dumps({"data": {"orders": page}}).encode()
    shop.before = lambda request: (200, {}, text) if "orders(" in request.sent.get("query", "") else None
    with api.serving(shop) as url, pytest.raises(SourceError, match="again and again"):
        ids(connected(url))


def test_an_order_is_found_by_number_and_by_id() -> None:
    """As people know it, and as webhooks name it: never by the global id."""
    with api.serving(api.Shop(orders={5001: order(5001, name="#1042")})) as url:
        connection = connected(url)
        found = [connection.order(name) for name in ("#1042", "1042", "5001", "77", "none")]
    assert [one and (one.id, one.name) for one in found] == [("5001", "#1042")] * 3 + [None, None]


def test_webhooks_of_this_app_are_listed_and_made() -> None:
    """Topics are named as webhooks name them."""
    shop = api.Shop()
    with api.serving(shop) as url:
        connection = connected(url)
        made = connection.create_webhook("orders/create", "https://r.example/webhooks/shopify/acme", "s")
        connection.repair_webhook(made, "https://new.example/webhooks/shopify/acme")
        [listed] = connection.webhooks()
    assert (listed.topic, listed.url) == ("orders/create", "https://new.example/webhooks/shopify/acme")


SCHEMA = build_schema((FOLDER / "shopify/admin-api-2026-10.graphql").read_text(encoding="utf-8"))


def queries() -> list[str]:
    """Every query, also in the form of a shop without a salt."""
    without = shopify_orders.order_fields(with_customer=False)
    return [*shopify.QUERIES, shopify.ORDERS_QUERY % without, shopify.ORDER_QUERY % without]


@pytest.mark.parametrize("query", queries())
def test_a_query_is_valid_in_shopifys_schema(query: str) -> None:
    """The schema is the part that is asked for of the one in the npm package @shopify/dev-mcp 1.16.0."""
    assert validate(SCHEMA, parse(query)) == []
    assert validate(SCHEMA, parse(query.replace("id", "no_such_field", 1).replace("handle", "no_such_field")))


def test_every_query_that_is_sent_is_validated() -> None:
    """None is left out of the list."""
    shop = api.Shop(orders={1: order(1), 2: order(2, line_items=[json.loads(ORDER.body)["line_items"][0]] * 200)})
    with api.serving(shop) as url:
        for connection in (connected(url), connected(url, replace(ORDER.shop, profile_salt=None))):
            connection.now()
            ids(connection)
            connection.order("1")
            made = connection.create_webhook("orders/create", "https://r.example/webhooks/shopify/acme", "s")
            connection.repair_webhook(made)
            connection.webhooks()
    sent = {one.sent["query"] for one in shop.asked if "query" in one.sent}
    assert sent <= set(queries())
    assert len(sent) >= 7
