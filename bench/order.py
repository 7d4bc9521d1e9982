"""The body that every contestant gets: a made-up Shopify order of about 4 KB, which the generator makes unique."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

ORDER_ID = 999_999_999_999  # replaced by a number of its own in every request, wherever it stands
SECRET = "bench-secret"  # noqa: S105 - made up, for this machine alone
# A UUID, as the storefront's scripts write; the call carries it, so that the sink can identify a call.
KEY_BEGINS = "3f2b8c1e-9a4d-4e2f-8b7a-"
PROFILE = f"{KEY_BEGINS}{ORDER_ID}"
LINES = 2


def first_id() -> int:
    """Return a number to count orders from, of as many digits as ORDER_ID: the microsecond, modulo nine days."""
    return 10**11 + time.time_ns() // 1000 % (8 * 10**11)


def body(now: datetime | None = None) -> bytes:
    """Return the order as Shopify would send it, placed `now`."""
    placed = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    order = {
        "id": ORDER_ID,
        "admin_graphql_api_id": f"gid://shopify/Order/{ORDER_ID}",
        "name": f"#{ORDER_ID}",
        **dict.fromkeys(("created_at", "processed_at", "updated_at"), placed),
        **_ABOUT,
        **_sums("total_price", "subtotal_price", "total_line_items_price", amount="258.00"),
        **_sums("total_tax", amount="44.78"),
        **_sums("total_discounts", amount="0.00"),
        "note_attributes": [{"name": "tweakwise_profile_key", "value": PROFILE}],
        "customer": _CUSTOMER,
        "shipping_address": _ADDRESS,
        "line_items": [_line(number) for number in range(LINES)],
    }
    return json.dumps(order, separators=(",", ":")).encode()


def purchase() -> str:
    """Return the call that the receiver makes of this order, for rivals that only send."""
    keys = [str(_line(number)["product_id"]) for number in range(LINES)]
    return json.dumps({"ProductKeys": keys, "ProfileKey": PROFILE, "Revenue": 213.22}, separators=(",", ":"))


def _money(amount: str) -> dict[str, Any]:
    sides = ("shop_money", "presentment_money")
    return {side: {"amount": amount, "currency_code": "EUR"} for side in sides}


def _sums(*names: str, amount: str) -> dict[str, Any]:
    return dict.fromkeys(names, amount) | {f"{name}_set": _money(amount) for name in names}


def _line(number: int) -> dict[str, Any]:
    return {
        "id": 15703329036730 + number,
        "product_id": 8334820848333 + number,
        "variant_id": 44852200556486 + number,
        "title": "Rain jacket for all weathers",
        "name": "Rain jacket for all weathers - Green / L",
        "variant_title": "Green / L",
        "sku": f"RJ-CB6D7{number}",
        "vendor": "Acme",
        "quantity": 1,
        "current_quantity": 1,
        "grams": 340,
        "gift_card": False,
        "requires_shipping": True,
        "taxable": True,
        "product_exists": True,
        "fulfillment_status": None,
        "properties": [],
        "price": "129.00",
        "price_set": _money("129.00"),
        "total_discount": "0.00",
        "discount_allocations": [],
        "tax_lines": [{"title": "VAT", "rate": 0.21, "price": "22.39", "price_set": _money("22.39")}],
    }


_ABOUT: dict[str, Any] = {
    "app_id": 580111,
    "browser_ip": "192.0.2.7",
    "buyer_accepts_marketing": False,
    "cancel_reason": None,
    "cancelled_at": None,
    "cart_token": "hWNb2f963feb72f415b4bf62",
    "checkout_token": "3667fb6336432cdad3753931a44e7bb6",
    "confirmed": True,
    "contact_email": "alex@example.test",
    "email": "alex@example.test",
    "currency": "EUR",
    "presentment_currency": "EUR",
    "customer_locale": "en-GB",
    "financial_status": "paid",
    "fulfillment_status": None,
    "order_number": 9949,
    "payment_gateway_names": ["shopify_payments"],
    "referring_site": "https://search.example.test/?q=jacket",
    "landing_site": "/collections/jackets?utm_source=newsletter",
    "source_name": "web",
    "tags": "",
    "taxes_included": True,
    "test": False,
    "token": "8dbc8d57819b7b4c1d3e388a1fe6ea9f",
    "total_weight": 680,
    "discount_codes": [],
    "refunds": [],
    "fulfillments": [],
}
_ADDRESS: dict[str, Any] = {
    "first_name": "Alex",
    "last_name": "Example",
    "company": None,
    "address1": "1 Sample Street",
    "city": "Utrecht",
    "zip": "9999 XA",
    "country": "Netherlands",
    "country_code": "NL",
    "phone": None,
}
_CUSTOMER: dict[str, Any] = {
    "id": 7622276412885,
    "email": "alex@example.test",
    "first_name": "Alex",
    "last_name": "Example",
    "state": "enabled",
    "verified_email": True,
    "currency": "EUR",
    "default_address": _ADDRESS,
}
