"""A stand-in for WooCommerce's REST API: orders and webhooks in memory, and what real hosts do to requests.

Its answers have the shape of those of WooCommerce 10.5.2, whose orders are the recorded fixtures.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

KEY, SECRET = "ck_test", "cs_test"
Row = dict[str, Any]
# What a request is answered with in place of the right answer: a status, headers and a body.
Override = tuple[int, dict[str, str], bytes]


def error(code: str, status: int) -> Override:
    text = {"code": code, "message": "A sentence.", "data": {"status": status}}
    return status, {"Content-Type": "application/json"}, json.dumps(text).encode()


@dataclass
class Shop:
    """The shop behind the API; `before` is called with each request, and its answer, unless None, is given instead.

    `now` is the server's clock in seconds, None for this machine's. `takes_header` False: a host that removes the
    Authorization header. `knows_changes` False: a version before 5.8. `most` is how many rows it gives at most.
    """

    orders: dict[int, Row] = field(default_factory=dict)
    webhooks: dict[int, Row] = field(default_factory=dict)
    now: float | None = None
    takes_header: bool = True
    knows_changes: bool = True
    knows_offset: bool = True
    sends_counts: bool = True
    most: int = 100
    before: Callable[[Request], Override | None] = lambda _: None
    asked: list[Request] = field(default_factory=list)

    def add(self, order: Row) -> None:
        self.orders[order["id"]] = order


@dataclass(frozen=True)
class Request:
    """A request: `number` counts from 1."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    sent: Row


def answer(shop: Shop, request: Request) -> Override:
    if not _is_allowed(shop, request):
        return error("woocommerce_rest_cannot_view", 401)
    resource = request.path.removeprefix("/wp-json/wc/v3").strip("/").split("/")
    if resource[0] == "orders":
        return _orders(shop, request, resource[1:])
    return _webhooks(shop, request, resource[1:])


def _is_allowed(shop: Shop, request: Request) -> bool:
    given = request.query.get("consumer_key"), request.query.get("consumer_secret")
    header = request.headers.get("authorization", "") if shop.takes_header else ""
    basic = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    return header == basic or given == (KEY, SECRET) or request.query.get("oauth_consumer_key") == KEY


def _orders(shop: Shop, request: Request, rest: list[str]) -> Override:
    if rest:
        row = shop.orders.get(int(rest[0]))
        return _json(_fields(row, request)) if row else error("woocommerce_rest_shop_order_invalid_id", 404)
    asked = request.query
    rows = sorted(shop.orders.values(), key=lambda row: int(row["id"]))
    if "after" in asked:
        rows = [row for row in rows if row["date_created_gmt"] > asked["after"]]
    if "before" in asked:
        rows = [row for row in rows if row["date_created_gmt"] < asked["before"]]
    if "modified_after" in asked and shop.knows_changes:
        rows = [row for row in rows if row["date_modified_gmt"] > asked["modified_after"]]
    if "search" in asked:
        rows = [row for row in rows if asked["search"] in str(row.get("number"))]
    size = min(int(asked.get("per_page", 10)), shop.most)
    offset = int(asked.get("offset", 0)) if shop.knows_offset else 0
    counts = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // size))}
    chosen = [_fields(row, request) for row in rows[offset : offset + size]]
    return _json(chosen, counts if shop.sends_counts else {})


def _webhooks(shop: Shop, request: Request, rest: list[str]) -> Override:
    if request.method == "GET":
        return _json([_fields(row, request) for row in shop.webhooks.values()])
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


@contextmanager
def serving(shop: Shop, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve the API; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version, wbufsize = "HTTP/1.1", -1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else {}
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = Request(len(shop.asked) + 1, self.command, parts.path, query, headers, sent)
            shop.asked.append(request)
            status, given, body = shop.before(request) or answer(shop, request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **given}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(timestamp or shop.now, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}" if tls else f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
