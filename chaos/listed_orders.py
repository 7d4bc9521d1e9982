"""A platform whose API lists orders: WooCommerce's, with orders in memory, and answers that can be held back."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from chaos.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = """[shops.listed]
platform = "woocommerce"
secrets = ["chaos-secret-of-a-shop"]
instance_key = "chaos001"
[shops.listed.api]
url = "{}"
key = "k"
secret = "s"
"""


class Platform:
    """The orders by number; each is found at Tweakwise by its profile key, which is its name."""

    def __init__(self) -> None:
        """`waiting` is how many requests are held back, while `held` is not set."""
        self.orders: dict[int, dict[str, Any]] = {}
        self.url = ""
        self.free = threading.Event()
        self.free.set()
        self.waiting = 0

    @property
    def names(self) -> set[str]:
        """The profile keys of all orders."""
        return {f"listed-{number}" for number in self.orders}

    def place(self, count: int) -> None:
        """Add orders that are placed now."""
        for number in range(len(self.orders) + 1, len(self.orders) + count + 1):
            self.orders[number] = _order(number, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"))

    @contextmanager
    def holding_a_request(self, within: float = 60.0) -> Iterator[None]:
        """Answer nothing for the block, which begins with a comparison in the middle of its list."""
        self.free.clear()
        try:
            wait_for(lambda: self.waiting > 0, within)
            yield
        finally:
            self.free.set()

    def answer(self, path: str) -> tuple[list[dict[str, Any]], int]:
        """Return the rows that are asked for, and how many there are."""
        self.waiting += 1
        self.free.wait()
        self.waiting -= 1
        parts = urlsplit(path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        rows = list(self.orders.values()) if parts.path.endswith("/orders") else []
        for name, field in (("after", "date_created_gmt"), ("modified_after", "date_modified_gmt")):
            rows = [row for row in rows if row[field] > asked.get(name, "")]
        offset, size = int(asked.get("offset", 0)), int(asked.get("per_page", 10))
        return rows[offset : offset + size], len(rows)


@contextmanager
def serving() -> Iterator[Platform]:
    """Serve a platform without orders."""
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Send a page of rows."""
            rows, total = platform.answer(self.path)
            body = json.dumps(rows).encode()
            self.send_response(200)
            for name, value in {"X-WP-Total": total, "X-WP-TotalPages": -(-total // 100)}.items():
                self.send_header(name, str(value))
            self.send_header("Content-Length", str(len(body)))
            with suppress(OSError):  # the worker that asked was killed
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    platform.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield platform
    finally:
        platform.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


def name_of(identity: str) -> str:
    """Return the profile key of an order by the identity of what was fetched of it: backfill:<id>:<date>."""
    return f"listed-{identity.split(':')[1]}"


def newest(platform: Platform) -> int:
    """Return the date of the newest order in milliseconds."""
    dates = [one["date_modified_gmt"] for one in platform.orders.values()]
    return int(datetime.fromisoformat(max(dates)).replace(tzinfo=UTC).timestamp() * 1000)


def after_a_second() -> None:
    """Wait until orders have another date than those before: it has seconds."""
    time.sleep(1.1)


def _order(number: int, date: str) -> dict[str, Any]:
    line = {"id": 1, "product_id": 10, "variation_id": 0, "sku": "MUG", "quantity": 1, "total": "9.95", "meta_data": []}
    return {
        "id": number,
        "number": str(number),
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": date,
        "date_modified_gmt": date,
        "customer_id": 4,
        "meta_data": [{"key": "tweakwise_profile_key", "value": f"listed-{number}"}],
        "line_items": [line],
        "fee_lines": [],
    }
