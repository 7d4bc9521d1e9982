"""Shopware's Admin API, with orders that a real shop of version 6.5.3.3 gave."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import api_server
from tests.support.recordings import FOLDER, RECEIVED_AT, SIGNED
from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import SourceError
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import BACKFILL
from webhook_app.sources import all_sources
from webhook_app.sources.base import Window
from webhook_app.sources.shopware import SIZE
from webhook_app.translation.translate import AgeLimits, Payload, translate
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api_server import Override, Request
    from webhook_app.sources.base import Connection

PLATFORM = all_platforms()["shopware"]
SHOP = next(one.shop for one in SIGNED if one.platform is PLATFORM)
ORDERS: list[dict[str, Any]] = json.loads((FOLDER / "shopware/admin-api-search-order.json").read_text())["data"]
WEBHOOK = {"id": "w-1", "eventName": "checkout.order.placed", "url": "https://e.example/webhooks/shopware/fixture"}
FAST = 10_000.0


@dataclass
class Api:
    """What the API has; `lacks` is a privilege that the credentials do not have."""

    orders: list[dict[str, Any]] = field(default_factory=lambda: list(ORDERS))
    active: bool = True
    lacks: str = ""
    settings: Any = field(default_factory=lambda: {"adminWorker": {"enableAdminWorker": False}})
    tokens: int = 0
    asked: list[Request] = field(default_factory=list)

    def respond(self, request: Request) -> Override:
        self.asked.append(request)
        if request.path == "/api/oauth/token":
            self.tokens += 1
            is_known = request.sent["client_secret"] == "geheim"
            return answer(200 if is_known else 401, {"access_token": f"t{self.tokens}", "expires_in": 600})
        if request.headers["authorization"] != f"Bearer t{self.tokens}":
            return answer(401, {"errors": []})
        if self.lacks:
            text = json.dumps({"message": "Missing privilege", "missingPrivileges": [self.lacks]})
            return answer(403, {"errors": [{"status": "403", "detail": text}]})
        if request.path == "/api/_info/config":
            return answer(200, self.settings)
        if request.path == "/api/search/webhook":
            return answer(200, {"data": [{**WEBHOOK, "active": self.active}]})
        return answer(200, {"data": self.found(request.sent)})

    def found(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        rows = sorted(self.orders, key=lambda row: (row["orderDateTime"], row["id"]))
        for one in asked.get("filter", ()):
            if one["type"] == "multi":
                rows = [row for row in rows if any(matches(row, query) for query in one["queries"])]
            else:
                rows = [row for row in rows if matches(row, one)]
        return rows[: asked["limit"]]


class Repeating(Api):
    """An API that sends the first page whatever it is asked for."""

    def found(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        return many(SIZE)[: asked["limit"]]


def matches(row: dict[str, Any], one: dict[str, Any]) -> bool:
    holders = row["transactions"] if one["field"].startswith("transactions.") else [row]
    values = [holder.get(one["field"].rpartition(".")[2]) for holder in holders]
    if one["type"] == "equals":
        return one["value"] in values
    limits = {name: datetime.fromisoformat(text) for name, text in one["parameters"].items()}
    times = [datetime.fromisoformat(value) for value in values if value]
    return any(limits.get("gte", time) <= time and ("lt" not in limits or time < limits["lt"]) for time in times)


def answer(status: int, content: Any) -> Override:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


@contextmanager
def connected(api: Api, secret: str = "geheim", **changed: Any) -> Iterator[Connection]:
    with api_server.serving(api.respond) as url:
        shop = replace(SHOP, api=ShopApi(url, client_id="id", client_secret=secret), **changed)
        yield all_sources()["shopware"].connect(shop, FAST)


def many(count: int) -> list[dict[str, Any]]:
    """So many orders, two of each millisecond."""
    return [
        {**ORDERS[0], "id": f"{number:032x}", "orderDateTime": f"2026-11-20T00:00:00.{number // 2:03d}+00:00"}
        for number in range(count)
    ]


def test_an_order_is_the_same_by_webhook_and_by_api() -> None:
    """The recorded order with a profile key in the customer's custom fields makes the same call."""
    recorded = next(one for one in SIGNED if one.name.endswith("__customer-profile-key-in-custom-field"))
    with connected(Api()) as connection:
        listed = [one for page in connection.pages(Window(0)) for one in page]
    [found] = [one for one in listed if f"purchase:{one.id}" == recorded.expected["call"]["key"]] or listed[:1]
    payload = Payload(1, BACKFILL, int(RECEIVED_AT.timestamp() * 1000), found.body)
    decision = translate(payload, SHOP, PLATFORM, AgeLimits(7 * 86_400, 86_400), RECEIVED_AT)
    assert isinstance(decision, Call)
    assert decision.body["ProfileKey"] == recorded.expected["call"]["body"]["ProfileKey"]


def test_pages_are_read_to_their_end() -> None:
    """Orders of one moment are on both sides of a page's end, and come once."""
    with connected(Api(many(2 * SIZE + 7))) as connection:
        ids = [one.id for page in connection.pages(Window(0)) for one in page]
    assert ids == [f"{number:032x}" for number in range(2 * SIZE + 7)]


def test_a_host_that_ignores_filters_is_left() -> None:
    """It would be asked for ever."""
    with connected(Repeating()) as connection, pytest.raises(SourceError, match="again and again"):
        list(connection.pages(Window(0)))


def test_windows() -> None:
    """By when orders were placed, or by any change, also one of a payment alone."""
    paid = {
        **ORDERS[0],
        "transactions": [{**ORDERS[0]["transactions"][0], "updatedAt": "2026-11-27T10:00:00.000+00:00"}],
    }
    since = int(datetime.fromisoformat("2026-11-27T00:00:00+00:00").timestamp() * 1000)
    with connected(Api([paid, *ORDERS[1:]])) as connection:
        assert [one.id for page in connection.pages(Window(since, by_change=True)) for one in page] == [paid["id"]]
        assert [one for page in connection.pages(Window(since)) for one in page] == []
        assert len([one for page in connection.pages(Window(0, since)) for one in page]) == len(ORDERS)


def test_only_needed_fields_are_stored() -> None:
    """Whatever the API gives: no name, no address, no link; the customer's id only where a key is derived from it."""
    for salt, has_id in ((None, False), ("salt", True)):
        with connected(Api(), profile_salt=salt) as connection:
            text = b"".join(one.body for page in connection.pages(Window(0)) for one in page).decode()
        assert not [word for word in ("Proef", "example.test", "deepLinkCode", "customerNumber") if word in text]
        assert ("customerId" in text) is has_id
        assert "tweakwise_profile_key" in text


def test_one_order_is_found_by_number_or_id() -> None:
    """As a merchant writes it."""
    with connected(Api()) as connection:
        for name in (f"#{ORDERS[1]['orderNumber']}", ORDERS[1]["id"]):
            found = connection.order(name)
            assert found is not None
            assert (found.id, found.name) == (ORDERS[1]["id"], ORDERS[1]["orderNumber"])
        assert connection.order("99999") is None


def test_a_token_is_fetched_once_and_renewed_when_it_was_revoked() -> None:
    """Not for each request."""
    api = Api()
    with connected(api) as connection:
        assert connection.now() > 0
        connection.webhooks()
        assert api.tokens == 1
        api.tokens = 7
        connection.webhooks()
    assert api.tokens == 8


def test_what_is_refused_names_what_is_missing() -> None:
    """A privilege by its name; wrong credentials by where they come from; never the secret."""
    with connected(Api(lacks="order_transaction:read")) as connection:
        [problem] = connection.access().problems
    assert "api_scope_missing" in problem
    assert "order_transaction:read" in problem
    with connected(Api(), secret="wrong-one") as connection:
        [problem] = connection.access().problems
    assert "api_unauthorized" in problem
    assert "wrong-one" not in problem


def test_webhooks_during_the_checkout_are_a_warning() -> None:
    """Where Shopware says that it sends them so; an answer of another shape says nothing."""
    with connected(Api(settings={"adminWorker": {"enableAdminWorker": True}})) as connection:
        [warning] = connection.access().warnings
    assert "enable_admin_worker" in warning
    odd: tuple[Any, ...] = (
        Api().settings,
        {},
        [],
        None,
        {"adminWorker": [1]},
        {"adminWorker": {"enableAdminWorker": "yes"}},
    )
    for settings in odd:
        with connected(Api(settings=settings)) as connection:
            assert connection.access().warnings == []


def test_an_inactive_webhook_is_noticed() -> None:
    """Shopware says nothing when it disables one, and no webhook that is made by API is signed."""
    with connected(Api(active=False)) as connection:
        [webhook] = connection.webhooks()
        assert webhook.was_disabled
        with pytest.raises(SourceError, match="signs no webhook"):
            connection.create_webhook("checkout.order.placed", "https://e.example", "s")
