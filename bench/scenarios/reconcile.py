"""What a nightly comparison with the platform's own list of orders costs."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from bench import engines, receiver_setup
from bench.paths import workspace
from bench.scenario import Options, Run, Scenario, Target
from webhook_app.config import shops
from webhook_app.inbox import Inbox, NewDelivery, Settlement, State
from webhook_app.platforms import all_platforms
from webhook_app.sources.reconcile import Plan, Reconciler
from webhook_app.time_units import HOUR
from webhook_app.translation.translate import AgeLimits
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue

ORDERS, MISSING, GROUP = 10_000, 10, 500
AGES = AgeLimits(7 * 86_400, 86_400)
SHOP = """
[shops.bench]
platform = "woocommerce"
secrets = ["bench-secret"]
instance_key = "1234abcd"
profile_salt = "bench-salt"
[shops.bench.api]
url = "{}"
key = "k"
secret = "s"
"""


def compared(options: Options) -> list[Run]:
    """Compare all orders once, so that they are known, and then again with some that are missing: the usual night."""
    return [_run(name, number) for name in engines.ALL for number in range(options.rounds)]


def _run(name: str, number: int) -> Run:
    with workspace("reconcile") as folder, engines.ALL[name](folder) as database, _platform() as url:
        receiver_setup.migrate(database)
        with closing(Inbox(database)) as inbox:
            _fill(inbox)
            known = shops.parse(SHOP.format(url), "bench", all_platforms())
            _compare(inbox, known)
            with inbox.database.write() as connection:
                connection.exec_driver_sql("DELETE FROM reconciliation_states")
                for order in range(1, MISSING + 1):
                    key = f"purchase:{order}"
                    for table in ("deliveries", "business_keys", "platform_orders"):
                        column = "key" if table == "business_keys" else "business_key"
                        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} = '{key}'")  # noqa: S608
            before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
            missing = _compare(inbox, known)
            seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = {
        "seconds": seconds,
        "core": 100 * used / seconds,
        "grown": (after.ru_maxrss - before.ru_maxrss) / 1024,
        "missing": float(missing),
    }
    return Run(name, number, figures, "" if missing == MISSING else f"{missing} orders were missing")


def _compare(inbox: Inbox, known: dict[str, shops.Shop]) -> int:
    [done] = Reconciler(inbox, lambda: known, all_platforms(), Plan(900, 900, AGES)).once(only="bench")
    return done.result.missing if not done.result.error else -1


def _fill(inbox: Inbox) -> None:
    """Store a delivered order for each that the platform lists."""
    for first in range(1, ORDERS + 1, GROUP):
        inbox.store_all(
            [
                NewDelivery("bench", "woocommerce", "order.created", f"w{order}", "bench.example", {}, b"{}")
                for order in range(first, first + GROUP)
            ]
        )
        claimed = inbox.claim({"bench": GROUP})
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
def _platform() -> Iterator[str]:
    """Serve the list of orders from another process, which answers at once."""
    context = multiprocessing.get_context("spawn")
    address: Queue[str] = context.Queue()
    process = context.Process(target=_serve, args=(address, int(time.time() * 1000) - 2 * HOUR), daemon=True)
    process.start()
    yield address.get()
    process.terminate()
    process.join()


def _serve(address: Queue[str], placed: int) -> None:
    date = datetime.fromtimestamp(placed / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    rows = [_order(number, date) for number in range(1, ORDERS + 1)]

    class Handler(BaseHTTPRequestHandler):
        """Answers with a page of orders, and with no webhooks."""

        protocol_version, wbufsize = "HTTP/1.1", -1

        def do_GET(self) -> None:
            """Send the rows from `offset` on."""
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


SCENARIO = Scenario(
    name="reconcile",
    title="Comparing with the platform's list",
    about=(
        f"The nightly comparison of {ORDERS:,} orders, of which {MISSING} are missing, with an API that answers at "
        "once: 3 requests a second, 90 new orders each. The share of a core is what sending may lose meanwhile."
    ),
    contestants=dict(engines.TITLES),
    figures={
        "seconds": "seconds",
        "core": "% of a core",
        "grown": "MB more of memory",
        "missing": "found missing",
    },
    targets=[Target(name, "seconds", at_most=60) for name in engines.TITLES]
    + [Target(name, "core", at_most=5) for name in engines.TITLES],
    play=compared,
    usual=Options(rounds=1, seconds=1),
)
