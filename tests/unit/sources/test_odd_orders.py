"""Orders of any shape in a platform's list: an odd value never ends the reading of the other orders."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import api_server, shopify_api
from tests.support.recordings import ORDER, SIGNED
from tests.support.variations import places, replaced
from webhook_app import exact_json, timed_answers
from webhook_app.alerts.messages import AlertMessage
from webhook_app.alerts.notifier import Notifier
from webhook_app.config.shop_api import ShopApi
from webhook_app.errors import SourceError
from webhook_app.platforms import all_platforms
from webhook_app.platforms.base import BACKFILL
from webhook_app.sources import all_sources
from webhook_app.sources.base import LONGEST, LONGEST_IDENTITY, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.api_server import Override, Request
    from webhook_app.sources.base import Connection, ListedOrder

ODD: tuple[Any, ...] = (
    None,
    "",
    "text",
    "\0",
    "\ud83d",
    "9" * 5000,
    0,
    -1,
    1.5,
    10**30,
    True,
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    [{"a": []}],
)
SIZE, PART = 25, 99  # orders of a page, and of a list
# What an order cannot be listed without.
NEEDED = {"id", "legacyResourceId", "createdAt", "updatedAt", "orderDateTime"}
ROWS: dict[str, Any] = {
    "woocommerce": {
        "id": 1,
        "number": "W1",
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-11-20T10:00:00",
        "date_modified_gmt": "2026-11-20T10:00:00",
        "date_paid_gmt": None,
        "customer_id": 4,
        "meta_data": [{"id": 1, "key": "tweakwise_profile_key", "value": "a-key"}],
        "line_items": [
            {"product_id": 10, "variation_id": 0, "quantity": 1, "total": "9.95", "meta_data": [{"key": "a"}]}
        ],
        "fee_lines": [{"total": "1.00"}],
    },
    "shopify": shopify_api.node(json.loads(ORDER.body), 5),
    "shopware": {
        "id": "1",
        "orderNumber": "10001",
        "orderDateTime": "2026-11-20T10:00:00.000+00:00",
        "createdAt": "2026-11-20T10:00:00.000+00:00",
        "updatedAt": None,
        "currency": {"isoCode": "EUR"},
        "amountNet": 10,
        "shippingCosts": {"totalPrice": 1, "calculatedTaxes": [{"tax": 1}]},
        "stateMachineState": {"technicalName": "open"},
        "transactions": [
            {"createdAt": "2026-11-20T10:00:00.000+00:00", "stateMachineState": {"technicalName": "open"}}
        ],
        "orderCustomer": {
            "customerId": "c",
            "customer": {"guest": False},
            "customFields": {"tweakwise_profile_key": "k"},
        },
        "customFields": {"tweakwise_profile_key": "a-key"},
        "lineItems": [{"type": "product", "productId": "p", "quantity": 1, "payload": {"parentId": None}}],
    },
}
ID_FIELDS = {"woocommerce": "id", "shopify": "legacyResourceId", "shopware": "id"}


def odd_orders(platform: str) -> list[dict[str, Any]]:
    """Return orders with ids of their own, each with one odd value in one place."""
    found = [
        replaced(ROWS[platform], path, value)
        for path in places(ROWS[platform])
        for value in ODD
        if path[0] not in NEEDED or path[1:]
    ]
    texts = platform != "woocommerce"
    return [{**row, ID_FIELDS[platform]: str(number) if texts else number} for number, row in enumerate(found, 1)]


def listed(platform: str, rows: list[dict[str, Any]], asked: dict[str, Any]) -> Any:
    """Return an answer with a page of the rows, as each platform wraps it."""
    if platform == "woocommerce":
        start = int(asked.get("offset") or 0)
        return rows[start : start + int(asked.get("per_page") or 1)]
    if platform == "shopware":
        return {"data": rows[:100], "access_token": "t", "expires_in": 10**400}
    start = int((asked.get("variables") or {}).get("after") or 0)
    page = {"hasNextPage": len(rows) > start + SIZE, "endCursor": str(start + SIZE)}
    return {"data": {"orders": {"nodes": rows[start : start + SIZE], "pageInfo": page}}, "access_token": "t"}


def connected(platform: str, url: str) -> Connection:
    given: dict[str, Any] = (
        {"key": "k", "secret": "s"} if platform == "woocommerce" else {"client_id": "i", "client_secret": "s"}
    )
    shop = next(one.shop for one in SIGNED if one.platform.name == platform)
    return all_sources()[platform].connect(replace(shop, api=ShopApi(url, **given)), 1_000_000.0)


@pytest.mark.parametrize("platform", sorted(ROWS))
def test_an_odd_order_ends_nothing(platform: str) -> None:
    """Whatever stands in a field, every order is listed, with texts that can be stored and a body that is read."""
    rows = odd_orders(platform)
    parts = [rows[start : start + PART] for start in range(0, len(rows), PART)]
    found: set[str] = set()
    current: list[dict[str, Any]] = []

    def respond(request: Request) -> Override:
        return 200, {}, json.dumps(listed(platform, current, request.query or request.sent)).encode()

    with api_server.serving(respond) as url:
        connection = connected(platform, url)
        for part in parts:
            current[:] = part
            found.update(readable(one, platform) for page in connection.pages(Window(0)) for one in page)
    assert found >= {str(row[ID_FIELDS[platform]]) for row in rows}


def readable(one: ListedOrder, platform: str) -> str:
    """Return the id of an order, after a look at its texts and its body."""
    for text in (one.id, one.name, one.changed_at, one.currency, one.identity):
        assert "\0" not in text
        assert len(text.encode()) <= LONGEST_IDENTITY
    assert len(one.name) <= LONGEST["name"]
    all_platforms()[platform].order_of(BACKFILL, exact_json.parse(one.body))
    return one.id


def test_the_lines_of_an_order_end() -> None:
    """A list of lines whose cursor does not move is an odd answer, and is not asked for without end."""
    row = ROWS["shopify"]
    endless = {**row["lineItems"], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}
    lines = json.dumps({"data": {"order": {"lineItems": endless}}, "access_token": "t"}).encode()
    orders = json.dumps(listed("shopify", [{**row, "lineItems": endless}], {}) | {"access_token": "t"}).encode()

    def respond(request: Request) -> Override:
        return 200, {}, orders if "orders(" in request.sent.get("query", "") else lines

    with api_server.serving(respond) as url, pytest.raises(SourceError, match="without end"):
        list(connected("shopify", url).pages(Window(0)))


@contextmanager
def dripping(start: bytes) -> Iterator[str]:
    """Serve answers that begin at once, and then have a byte more every few milliseconds without end."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(connected: socket.socket) -> None:
            with connected, suppress(OSError):
                connected.recv(65_536)
                connected.sendall(start)
                while True:
                    connected.sendall(b" ")
                    time.sleep(0.005)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    accepting.join()


BEGINNINGS = (
    b"HTTP/1.1 200 OK\r\nX: ",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
)


def test_an_answer_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of an answer is limited as a whole, although bytes arrive all the time: in its head, and in its body."""
    monkeypatch.setattr(timed_answers, "WHOLE", 0.1)
    for start in BEGINNINGS:
        with dripping(start) as url, pytest.raises(SourceError, match="did not answer in time"):
            connected("woocommerce", url).now()


def test_an_alert_to_a_host_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread sends all alerts and the heartbeat: it waits for no host without end."""
    monkeypatch.setattr(timed_answers, "WHOLE", 0.1)
    with dripping(BEGINNINGS[0]) as url:
        assert not Notifier(url, "json", pause=lambda _: None).send(AlertMessage("1", "alert.test", "a text", {}))
