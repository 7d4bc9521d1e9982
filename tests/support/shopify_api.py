"""A stand-in for Shopify's Admin API, after its documentation: no shop of Shopify has answered these queries.

The queries themselves are valid in the schema of version 2026-10, which the npm package @shopify/dev-mcp has.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support import api_server

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.support.api_server import Override, Request

ID, SECRET = "client", "a-secret"
Row = dict[str, Any]
SCOPES = ("read_orders", "read_products", "read_customers", "read_all_orders")
FILTER = re.compile(r"(created_at|updated_at):(>=|<)'([^']+)'")
NAME = re.compile(r"name:'([^']*)'")
DEAREST = 1000  # points of one query


@dataclass
class Shop:
    """The shop behind the API: orders in the form of webhooks, by id.

    `available` are the points that are left, `restored` how many each query finds more. `life` is how many queries a
    token lasts.
    """

    orders: dict[int, Row] = field(default_factory=dict)
    webhooks: list[Row] = field(default_factory=list)
    scopes: tuple[str, ...] = SCOPES
    now: float | None = None
    available: float = 1_000_000
    restored: float = 0
    life: int = 1_000_000
    tokens: int = 0
    uses: int = 0
    before: Callable[[Request], Override | None] = lambda _: None
    asked: list[Request] = field(default_factory=list)


def answer(shop: Shop, request: Request) -> Override:
    if request.path.endswith("/access_token"):
        if (request.sent["client_id"], request.sent["client_secret"]) != (ID, SECRET):
            return _json({"error": "invalid_client"}, 401)
        shop.tokens, shop.uses = shop.tokens + 1, 0
        return _json({"access_token": f"token-{shop.tokens}", "expires_in": 86399, "scope": ",".join(shop.scopes)})
    shop.uses += 1
    if request.headers.get("x-shopify-access-token") != f"token-{shop.tokens}" or shop.uses > shop.life:
        return _json({"errors": "[API] Invalid API key or access token"}, 401)
    return _answered(shop, request.sent["query"], request.sent.get("variables") or {})


def _answered(shop: Shop, query: str, given: Row) -> Override:
    cost = given.get("first", 1) * (2 + given.get("lines", 0)) if "lineItems" in query else 1
    shop.available += shop.restored
    status = {"maximumAvailable": 2000, "currentlyAvailable": shop.available, "restoreRate": 100_000}
    extensions = {"cost": {"requestedQueryCost": cost, "throttleStatus": status}}
    if cost > DEAREST:
        return _json({"errors": [{"message": "x", "extensions": {"code": "MAX_COST_EXCEEDED"}}]})
    if cost > shop.available:
        error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
        return _json({"errors": [error], "extensions": extensions})
    shop.available -= cost
    if "orders(" in query and "read_orders" not in shop.scopes:
        error = {"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}
        return _json({"data": {"orders": None}, "errors": [error], "extensions": extensions})
    return _json({"data": _data(shop, query, given), "extensions": extensions})


def _data(shop: Shop, query: str, given: Row) -> Row:
    if "accessScopes" in query:
        return {"currentAppInstallation": {"accessScopes": [{"handle": one} for one in shop.scopes]}}
    if "webhookSubscriptions(" in query:
        return {"webhookSubscriptions": {"nodes": shop.webhooks}}
    if "mutation" in query:
        return _changed(shop, query, given)
    if "orders(" in query:
        return {"orders": _orders(shop, given)}
    order = shop.orders.get(int(given["id"].rpartition("/")[2]))
    if order and "after" in given:
        return {"order": {"lineItems": _lines(order, int(given["after"]), given["lines"])}}
    return {"order": node(order, given["lines"]) if order else None}


def _changed(shop: Shop, query: str, given: Row) -> Row:
    if "webhookSubscriptionCreate" in query:
        made = {"id": f"gid://shopify/WebhookSubscription/{len(shop.webhooks) + 1}", **given}
        shop.webhooks.append(made)
        return {"webhookSubscriptionCreate": {"webhookSubscription": made, "userErrors": []}}
    [changed] = [one for one in shop.webhooks if one["id"] == given["id"]]
    changed["uri"] = given["uri"]
    return {"webhookSubscriptionUpdate": {"webhookSubscription": changed, "userErrors": []}}


def _orders(shop: Shop, given: Row) -> Row:
    rows = list(shop.orders.values())
    for name, sign, value in FILTER.findall(given["query"]):
        rows = [row for row in rows if (_utc(row[name]) >= _utc(value)) == (sign == ">=")]
    if named := NAME.search(given["query"]):
        rows = [row for row in rows if str(row.get("name", "")).lstrip("#") == named[1].lstrip("#")]
    key = "updated_at" if given["sort"] == "UPDATED_AT" else "created_at"
    # A cursor is a place in the order of the sort key, whatever happened to the rows before it.
    rows.sort(key=lambda row: (_utc(row[key]), row["id"]))
    if given["after"]:
        rows = [row for row in rows if f"{_utc(row[key])} {row['id']:020}" > given["after"]]
    some = rows[: given["first"]]
    cursor = f"{_utc(some[-1][key])} {some[-1]['id']:020}" if some else None
    info = {"hasNextPage": len(rows) > len(some), "endCursor": cursor}
    return {"nodes": [node(row, given["lines"]) for row in some], "pageInfo": info}


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()


def node(row: Row, lines: int) -> Row:
    """Return an order, in the form of a webhook, as GraphQL gives it."""
    customer = row.get("customer")
    return {
        "legacyResourceId": str(row["id"]),
        "name": row.get("name") or f"#{row['id']}",
        "createdAt": row["created_at"],
        "updatedAt": row.get("updated_at") or row["created_at"],
        "processedAt": row.get("processed_at") or row["created_at"],
        "test": bool(row.get("test")),
        "cancelledAt": row.get("cancelled_at"),
        "displayFinancialStatus": (row.get("financial_status") or "").upper() or None,
        "sourceName": row.get("source_name"),
        "tags": [tag for tag in (row.get("tags") or "").split(", ") if tag],
        "taxesIncluded": bool(row.get("taxes_included")),
        "dutiesIncluded": bool(row.get("duties_included")),
        "currencyCode": row.get("currency"),
        "customerLocale": row.get("customer_locale"),
        "checkoutToken": row.get("checkout_token"),
        "purchasingEntity": {"__typename": "PurchasingCompany" if row.get("company") else "Customer"},
        "customer": {"legacyResourceId": str(customer["id"])} if customer else None,
        "customAttributes": [{"key": one["name"], "value": one["value"]} for one in row.get("note_attributes") or ()],
        "subtotalPriceSet": _money(row.get("subtotal_price")),
        "currentSubtotalPriceSet": _money(row.get("current_subtotal_price")),
        "transactions": [_transaction(one) for one in row.get("transactions") or ()],
        "lineItems": _lines(row, 0, lines),
    }


def _lines(row: Row, start: int, size: int) -> Row:
    some = row["line_items"][start : start + size]
    info = {"hasNextPage": start + size < len(row["line_items"]), "endCursor": str(start + size)}
    return {"nodes": [_line(line) for line in some], "pageInfo": info}


def _line(line: Row) -> Row:
    product, variant = line.get("product_id"), line.get("variant_id")
    left = line.get("current_quantity")
    return {
        "id": f"gid://shopify/LineItem/{line.get('id') or 1}",
        "quantity": line.get("quantity"),
        "currentQuantity": line.get("quantity") if left is None else left,
        "sku": line.get("sku"),
        "product": {"legacyResourceId": str(product)} if product else None,
        "variant": {"legacyResourceId": str(variant)} if variant else None,
        "originalUnitPriceSet": _money(line.get("price")),
        "totalDiscountSet": _money(line.get("total_discount") or "0.00"),
        "discountAllocations": [
            {"allocatedAmountSet": _money(one["amount"])} for one in line.get("discount_allocations") or ()
        ],
        "taxLines": [{"priceSet": _money(one["price"])} for one in line.get("tax_lines") or ()],
        "duties": [{"price": {"shopMoney": one["shop_money"]}} for one in line.get("duties") or ()],
    }


def _transaction(one: Row) -> Row:
    at = one.get("processed_at") or one.get("processedAt")
    return {"kind": one["kind"].upper(), "status": one["status"].upper(), "processedAt": at}


def _money(amount: Any) -> Row | None:
    return None if amount is None else {"shopMoney": {"amount": amount}}


def _json(data: Any, status: int = 200) -> Override:
    return status, {"Content-Type": "application/json"}, json.dumps(data).encode()


def serving(shop: Shop) -> AbstractContextManager[str]:
    """Serve the API; yields its address."""

    def respond(request: Request) -> Override:
        shop.asked.append(request)
        return shop.before(request) or answer(shop, request)

    return api_server.serving(respond, lambda: shop.now)
