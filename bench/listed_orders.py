"""A shop whose platform lists orders: a server that answers at once, and deliveries of the same orders."""

from __future__ import annotations

import json
import multiprocessing
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from webhook_app.inbox import NewDelivery, Settlement, State
from webhook_app.time_units import HOUR
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue
    from multiprocessing.sharedctypes import Synchronized

    from webhook_app.inbox import Inbox

ORDERS, GROUP = 10_000, 500
NAME = "listed"
SHOP = """
[shops.listed]
platform = "woocommerce"
secrets = ["bench-secret"]
instance_key = "1234abcd"
profile_salt = "bench-salt"
[shops.listed.api]
url = "{}"
key = "k"
secret = "s"
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: its address, and how many requests it answered."""

    url: str
    count: Synchronized[int]

    @property
    def asked(self) -> int:
        """How many requests it answered."""
        return self.count.value


def fill(inbox: Inbox) -> None:
    """Store a delivered order for each that the platform lists."""
    for first in range(1, ORDERS + 1, GROUP):
        inbox.store_all(
            [
                NewDelivery(NAME, "woocommerce", "order.created", f"w{order}", "bench.example", {}, b"{}")
                for order in range(first, first + GROUP)
            ]
        )
        claimed = inbox.claim({NAME: GROUP})
        calls = {
            one.id: Call("purchase", f"purchase:{one.id}", {"ProductKeys": ["1"], "ProfileKey": "k"}) for one in claimed
        }
        inbox.settle(
            [
                Settlement(one, State.DELIVERED, call=calls[one.id], attempted=True, order_name=str(one.id))
                for one in claimed
            ]
        )


@contextmanager
def platform() -> Iterator[Platform]:
    """Serve the list of orders from another process, which answers at once."""
    context = multiprocessing.get_context("spawn")
    address: Queue[str] = context.Queue()
    count = context.Value("q", 0)
    process = context.Process(target=_serve, args=(address, count, int(time.time() * 1000) - 2 * HOUR), daemon=True)
    process.start()
    yield Platform(address.get(), count)
    process.terminate()
    process.join()


def _serve(address: Queue[str], count: Synchronized[int], placed: int) -> None:
    date = datetime.fromtimestamp(placed / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    rows = [_order(number, date) for number in range(1, ORDERS + 1)]

    class Handler(BaseHTTPRequestHandler):
        """Answers with a page of orders, and with no webhooks."""

        protocol_version, wbufsize = "HTTP/1.1", -1

        def do_GET(self) -> None:
            """Send the rows from `offset` on."""
            count.value += 1
            parts = urlsplit(self.path)
            asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
            offset, size = int(asked.get("offset", 0)), int(asked.get("per_page", 10))
            found = rows if parts.path.endswith("/orders") else []
            body = json.dumps(found[offset : offset + size]).encode()
            self.send_response(200)
            counts = {"X-WP-Total": len(found), "X-WP-TotalPages": -(-len(found) // size), "Content-Length": len(body)}
            for name, value in counts.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address.put(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


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
        "meta_data": [],
        "line_items": [line, line, line],
        "fee_lines": [],
    }
