"""Shops whose platform's list of orders is a stand-in, and orders in every state of the inbox."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from tests.support import woocommerce_api as api
from tests.support.deliveries import arrival, claim
from webhook_app.cli import main
from webhook_app.config import shops
from webhook_app.config.shop_api import ShopApi
from webhook_app.delivery.preparation import Preparation
from webhook_app.inbox import Inbox, Settlement, State
from webhook_app.platforms import all_platforms
from webhook_app.sources.reconcile import Plan, Reconciler
from webhook_app.translation.translate import AgeLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest
    from click.testing import Result

    from webhook_app.delivery.dispatcher import Job

AGES = AgeLimits(7 * 86_400, 86_400, 90 * 86_400)
PLAN = Plan(900, 900, AGES)
HOUR = 3_600_000
FAST = 10_000.0  # requests a second
SHOP = """
[shops.acme]
platform = "woocommerce"
secrets = ["a-secret"]
instance_key = "1234abcd"
profile_salt = "a-salt"
"""


def shop_at(url: str, **changed: Any) -> shops.Shop:
    known = shops.parse(SHOP, "shops.toml", all_platforms())["acme"]
    return replace(known, api=ShopApi(url, api.KEY, api.SECRET, **changed))


def reconciler(inbox: Inbox, url: str, **changed: Any) -> Reconciler:
    return Reconciler(inbox, lambda: {"acme": shop_at(url, **changed)}, all_platforms(), PLAN, FAST)


@contextmanager
def platform_at(clock: Any, shop: api.Shop) -> Iterator[str]:
    """Serve the API of a shop whose clock is the test's."""
    shop.now = clock.now / 1000
    with api.serving(shop) as url:
        yield url


@contextmanager
def commands_for(monkeypatch: pytest.MonkeyPatch, database_url: str, shop: api.Shop) -> Iterator[Callable[..., Result]]:
    """Yield what calls a command on a database, for a shop whose API is served."""
    with api.serving(shop) as url:
        monkeypatch.delenv("SHOPS_FILE", raising=False)
        monkeypatch.setenv(
            "SHOPS", f'{SHOP}[shops.acme.api]\nurl = "{url}"\nkey = "{api.KEY}"\nsecret = "{api.SECRET}"\n'
        )
        monkeypatch.setenv("DATABASE_URL", database_url)
        yield lambda *arguments: CliRunner().invoke(main, arguments)


def gmt(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def order(number: int, placed: int, status: str = "processing", changed: int | None = None, **more: Any) -> api.Row:
    """An order that was placed and changed last at these times, in milliseconds."""
    return {
        "id": number,
        "number": str(number),
        "status": status,
        "currency": "EUR",
        "date_created_gmt": gmt(placed),
        "date_modified_gmt": gmt(placed if changed is None else changed),
        "date_paid_gmt": None,
        "customer_id": 4,
        "created_via": "checkout",
        "meta_data": [],
        "line_items": [{"id": 1, "product_id": 10, "variation_id": 0, "sku": "A", "quantity": 1, "total": "9.95"}],
        "fee_lines": [],
        **more,
    }


def webhook(inbox: Inbox, row: api.Row, topic: str = "order.created", address: str = "https://acme.example/") -> None:
    """Let a webhook about an order arrive."""
    body = json.dumps(row).encode()
    identity = f"{topic} {row['id']} {row['status']} {row['date_modified_gmt']}"
    values = {"platform": "woocommerce", "topic": topic, "domain": address, "headers": {}}
    inbox.store(arrival(identity, body, **values))


def deliver(inbox: Inbox, url: str = "http://127.0.0.1", *, answers: State = State.DELIVERED) -> list[str]:
    """Work off everything that is due, without sending: calls end in the state `answers`. Returns the calls' keys."""
    preparation = Preparation(inbox, {"acme": shop_at(url)}, all_platforms(), AGES)
    keys: list[str] = []
    while claimed := claim(inbox, 256):
        jobs, settled, _ = preparation.prepare(claimed)
        inbox.settle(settled)
        inbox.settle([_sent(job, answers) for job in jobs])
        keys += [job.call.key for job in jobs]
    return keys


def _sent(job: Job, state: State) -> Settlement:
    how: dict[State, dict[str, Any]] = {State.WAITING: {"retry_in": 3600.0}, State.DEAD: {"reason": "http_422"}}
    attempt: dict[str, Any] = {"attempted": True, "call": job.call, "order_name": job.order_name}
    return Settlement(job.delivery, state, **attempt, **how.get(state, {}))
