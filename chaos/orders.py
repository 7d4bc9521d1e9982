"""Genuine deliveries: any number of signed Shopify orders, each with an identity that is found again at both ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).parents[1] / "tests/fixtures/shopify/orders_create__note-attributes/body.raw"
SECRET = "chaos-secret"  # noqa: S105 - made up, for a shop that exists only here
SHOP = "chaos"
INSTANCE_KEY = "chaos001"
TOPIC = "orders/create"
PATH = f"/webhooks/shopify/{SHOP}"
OTHER_SHOP, OTHER_KEY = "other", "chaos002"
SHOPS = f'[shops.{SHOP}]\nplatform = "shopify"\nsecrets = ["{SECRET}"]\ninstance_key = "{INSTANCE_KEY}"\n'
TWO_SHOPS = SHOPS + SHOPS.replace(SHOP, OTHER_SHOP, 1).replace(INSTANCE_KEY, OTHER_KEY)

_names: dict[str, str] = {}  # of every order that was made


@dataclass(frozen=True, slots=True)
class Order:
    """One delivery; `identity` is both its webhook id and its profile key at Tweakwise.

    In the store it has another one, a digest, since no signature covers the webhook id: see `name_of`.
    """

    identity: str
    body: bytes
    headers: dict[str, str]


def make(number: int, made_at: datetime | None = None, padding: int = 0, secret: str = SECRET) -> Order:
    """Return the order of that number, made now or at `made_at`, with so many bytes more."""
    identity = f"chaos-{number}"
    order = {
        **_template(),
        "id": 7_000_000_000_000 + number,
        "created_at": (made_at or datetime.now(UTC)).isoformat(timespec="seconds"),
        "note": "x" * padding,
        "note_attributes": [{"name": "tweakwise_profile_key", "value": identity}],
    }
    body = json.dumps(order, separators=(",", ":")).encode()
    _names[hashlib.sha256(TOPIC.encode() + b"\0" + body).hexdigest()] = identity
    return Order(identity, body, _signed(identity, body, secret))


def name_of(stored: str) -> str:
    """Return the identity of an order by the one that it has in the store; commit d89115b stored the same one."""
    return _names.get(stored, stored)


def _signed(identity: str, body: bytes, secret: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": TOPIC,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": "chaos.myshopify.com",
        "X-Shopify-Webhook-Id": identity,
    }


def head(order: Order, length: int | None = None) -> bytes:
    """Return the order's request up to its body, saying that `length` bytes follow."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: chaos", *(f"{name}: {value}" for name, value in order.headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(order.body) if length is None else length}", "", ""]).encode()


@cache
def _template() -> dict[str, Any]:
    template: dict[str, Any] = json.loads(FIXTURE.read_bytes())
    return template
