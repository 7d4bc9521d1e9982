"""A stand-in for WooCommerce's REST API: orders and webhooks in memory, and what real hosts do to requests.

A test compares its answers with those of WooCommerce 10.5.2 in woocommerce_answers.json, recorded over plain http with
made-up orders, with high-performance order storage.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support import api_server

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.support.api_server import Request

KEY, SECRET = "ck_test", "cs_test"
Row = dict[str, Any]
Override = api_server.Override


def error(code: str, status: int) -> Override:
    text = {"code": code, "message": "A sentence.", "data": {"status": status}}
    return status, {"Content-Type": "application/json"}, json.dumps(text).encode()


@dataclass
class Shop:
    """The shop behind the API; `before` is called with each request, and its answer, unless None, is given instead.

    `now` is the server's clock in seconds, None for this machine's. `takes_header` False: a host that removes the
    Authorization header. `knows_changes` False: a version before 5.8. `most` is how many rows it gives at most.
    `only_reads`: its key may not change anything. `zone` is the shop's time less UTC, in hours.
    """

    orders: dict[int, Row] = field(default_factory=dict)
    webhooks: dict[int, Row] = field(default_factory=dict)
    now: float | None = None
    takes_header: bool = True
    knows_changes: bool = True
    knows_offset: bool = True
    sends_counts: bool = True
    only_reads: bool = False
    zone: int = 0
    most: int = 100
    before: Callable[[Request], Override | None] = lambda _: None
    asked: list[Request] = field(default_factory=list)

    def add(self, order: Row) -> None:
        self.orders[order["id"]] = order


def answer(shop: Shop, request: Request) -> Override:
    if not _is_known(shop, request):
        has_header = shop.takes_header and "authorization" in request.headers
        has_key = has_header or {"consumer_key", "oauth_consumer_key"} & request.query.keys()
        return error("woocommerce_rest_authentication_error" if has_key else "woocommerce_rest_cannot_view", 401)
    if request.method != "GET" and shop.only_reads:
        return error("woocommerce_rest_authentication_error", 401)
    resource = request.path.removeprefix("/wp-json/wc/v3").strip("/").split("/")
    if resource[0] == "orders":
        return _orders(shop, request, resource[1:])
    return _webhooks(shop, request, resource[1:])


def _is_known(shop: Shop, request: Request) -> bool:
    given = request.query.get("consumer_key"), request.query.get("consumer_secret")
    header = request.headers.get("authorization", "") if shop.takes_header else ""
    basic = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    signed = request.query.get("oauth_consumer_key") == KEY and "oauth_signature" in request.query
    return header == basic or given == (KEY, SECRET) or signed


def _orders(shop: Shop, request: Request, rest: list[str]) -> Override:
    if rest:
        row = shop.orders.get(int(rest[0]))
        return _json(_fields(row, request)) if row else error("woocommerce_rest_shop_order_invalid_id", 404)
    asked = request.query
    rows = sorted(shop.orders.values(), key=lambda row: int(row["id"]))
    if "after" in asked:
        rows = [row for row in rows if _placed(shop, row) > asked["after"]]
    if "before" in asked:
        rows = [row for row in rows if _placed(shop, row) < asked["before"]]
    if "modified_after" in asked and shop.knows_changes:
        rows = [row for row in rows if row["date_modified_gmt"] > asked["modified_after"]]
    if "search" in asked:
        rows = [row for row in rows if asked["search"] in str(row.get("number"))]
    size = min(int(asked.get("per_page", 10)), shop.most)
    offset = int(asked.get("offset", 0)) if shop.knows_offset else 0
    counts = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // size))}
    chosen = [_fields(row, request) for row in rows[offset : offset + size]]
    return _json(chosen, counts if shop.sends_counts else {})


def _placed(shop: Shop, row: Row) -> str:
    """The date that is compared: before 5.8 `dates_are_gmt` was not known."""
    date = row["date_created_gmt"] or ""
    if shop.knows_changes or not date:
        return date
    return (datetime.fromisoformat(date) + timedelta(hours=shop.zone)).isoformat()


def _webhooks(shop: Shop, request: Request, rest: list[str]) -> Override:
    if request.method == "GET":
        size, page = int(request.query.get("per_page", 10)), int(request.query.get("page", 1))
        counts = {"X-WP-Total": str(len(shop.webhooks)), "X-WP-TotalPages": str(-(-len(shop.webhooks) // size))}
        rows = [shop.webhooks[number] for number in sorted(shop.webhooks)][size * (page - 1) : size * page]
        return _json([_fields(row, request) for row in rows], counts)
    if request.method == "POST":
        number = max(shop.webhooks, default=0) + 1
        shop.webhooks[number] = {**request.sent, "id": number, "status": "disabled"}
        return _json(shop.webhooks[number], status=201)
    row = shop.webhooks[int(rest[0])]
    row.update(request.sent)
    return _json(row)


def _fields(row: Row, request: Request) -> Row:
    names = request.query.get("_fields")
    return {name: row[name] for name in names.split(",") if name in row} if names else row


def _json(data: Any, headers: dict[str, str] | None = None, status: int = 200) -> Override:
    return status, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})}, json.dumps(data).encode()


def serving(shop: Shop, tls: ssl.SSLContext | None = None) -> AbstractContextManager[str]:
    """Serve the API; yields its address."""

    def respond(request: Request) -> Override:
        shop.asked.append(request)
        return shop.before(request) or answer(shop, request)

    return api_server.serving(respond, lambda: shop.now, tls)
