"""Orders of Shopify's GraphQL API: which fields are asked for, and how they become what a webhook would have.

https://shopify.dev/docs/api/admin-graphql/latest/objects/Order
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhook_app.errors import SourceError
from webhook_app.sources.base import ListedOrder
from webhook_app.sources.dates import milliseconds
from webhook_app.sources.shapes import named, part, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MONEY = "{ shopMoney { amount } }"
LINE = f"""
  nodes {{
    id quantity currentQuantity sku product {{ legacyResourceId }} variant {{ legacyResourceId }}
    originalUnitPriceSet {MONEY} totalDiscountSet {MONEY}
    discountAllocations {{ allocatedAmountSet {MONEY} }} taxLines {{ priceSet {MONEY} }} duties {{ price {MONEY} }}
  }}
  pageInfo {{ hasNextPage endCursor }}
"""
ORDER = """
  legacyResourceId name createdAt updatedAt processedAt test cancelledAt displayFinancialStatus sourceName tags
  taxesIncluded dutiesIncluded currencyCode customerLocale checkoutToken purchasingEntity { __typename }
  customAttributes { key value } %(customer)s
  subtotalPriceSet %(money)s currentSubtotalPriceSet %(money)s
  transactions(first: 10) { kind status processedAt }
  lineItems(first: $lines) { %(line)s }
"""
CUSTOMER = "customer { legacyResourceId }"
COMPANY = "PurchasingCompany"
LONGEST_NUMBER = 128  # digits of an id


def order_fields(*, with_customer: bool) -> str:
    """Return the selection of an order; the customer's id needs a permission of its own."""
    return ORDER % {"money": MONEY, "line": LINE, "customer": CUSTOMER if with_customer else ""}


def listed(node: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], attribute: str) -> ListedOrder:
    """Return an order with all its lines; `attribute` is the name of the attribute with the profile key.

    Raises SourceError where it has no id or no dates.
    """
    number, created, updated = _id(node), node.get("createdAt"), node.get("updatedAt")
    placed, changed = milliseconds(created), milliseconds(updated)
    if not number or placed is None or changed is None:
        raise SourceError("api_odd_answer", "Shopify sent an order without id or dates.")
    name, currency = str(node.get("name") or number)[:64], str(node.get("currencyCode") or "")[:8]

    def body() -> bytes:
        return json.dumps(_as_webhook(node, number, lines, attribute), separators=(",", ":")).encode()

    return ListedOrder(number, name, placed, changed, str(updated), currency, body)


def _as_webhook(
    node: Mapping[str, Any], number: str, lines: Sequence[Mapping[str, Any]], attribute: str
) -> dict[str, Any]:
    entity, customer = part(node.get("purchasingEntity")), _id(part(node.get("customer")))
    tags = node.get("tags")
    return {
        "id": int(number),
        "name": node.get("name"),
        "created_at": node.get("createdAt"),
        "updated_at": node.get("updatedAt"),
        "processed_at": node.get("processedAt"),
        "test": node.get("test"),
        "cancelled_at": node.get("cancelledAt"),
        "financial_status": str(node.get("displayFinancialStatus") or "").lower(),
        "source_name": node.get("sourceName"),
        "tags": ", ".join(map(str, tags if isinstance(tags, list) else ())),
        "taxes_included": node.get("taxesIncluded"),
        "duties_included": node.get("dutiesIncluded"),
        "currency": node.get("currencyCode"),
        "customer_locale": node.get("customerLocale"),
        "checkout_token": node.get("checkoutToken"),
        "company": {} if entity.get("__typename") == COMPANY else None,
        "customer": {"id": int(customer)} if customer else None,
        "note_attributes": _attributes(rows(node.get("customAttributes")), attribute),
        "subtotal_price": _amount(node.get("subtotalPriceSet")),
        "current_subtotal_price": _amount(node.get("currentSubtotalPriceSet")),
        "transactions": [_transaction(one) for one in rows(node.get("transactions"))],
        "line_items": [_line(line) for line in lines],
    }


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": _number(str(line.get("id") or "").rpartition("/")[2]),
        "product_id": _number(_id(part(line.get("product")))),
        "variant_id": _number(_id(part(line.get("variant")))),
        "sku": line.get("sku"),
        "quantity": line.get("quantity"),
        "current_quantity": line.get("currentQuantity"),
        "price": _amount(line.get("originalUnitPriceSet")),
        "total_discount": _amount(line.get("totalDiscountSet")),
        "discount_allocations": [
            {"amount": _amount(one.get("allocatedAmountSet"))} for one in rows(line.get("discountAllocations"))
        ],
        "tax_lines": [{"price": _amount(one.get("priceSet"))} for one in rows(line.get("taxLines"))],
        "duties": [{"shop_money": {"amount": _amount(one.get("price"))}} for one in rows(line.get("duties"))],
    }


def _transaction(one: Mapping[str, Any]) -> dict[str, Any]:
    kind, status = (str(one.get(name) or "").lower() for name in ("kind", "status"))
    return {"kind": kind, "status": status, "processed_at": one.get("processedAt")}


def _attributes(given: Iterable[Mapping[str, Any]], attribute: str) -> list[dict[str, Any]]:
    """Return the attributes that translation reads; the others may hold anything about a person."""
    bare = attribute.removeprefix("_")
    needed = {attribute, bare, f"_{bare}"}
    return [{"name": one["key"], "value": one.get("value")} for one in given if named(one, "key", needed)]


def _amount(money: Any) -> str | None:
    amount = part(part(money).get("shopMoney")).get("amount")
    return None if amount is None else str(amount)


def _id(node: Mapping[str, Any]) -> str:
    """Return the number by which webhooks name the object; a global id would be another order."""
    return _digits(str(node.get("legacyResourceId") or ""))


def _number(text: str) -> int | None:
    return int(text) if _digits(text) else None


def _digits(text: str) -> str:
    return text if text.isdecimal() and len(text) <= LONGEST_NUMBER else ""
