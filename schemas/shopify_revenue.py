"""Revenue of a Shopify order: what is left of its products, after discounts, before taxes and duties.

Discounts, taxes and duties of a line stay those of its original quantity, so they are scaled with what is left of it.
A line whose price, discount or tax is unknown makes the revenue unknown, unless the order's subtotal is known and every
line is a product.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

CENT = Decimal("0.01")
ZERO = Decimal(0)


def is_bought(item: dict[str, Any]) -> bool:
    """Return whether something is left of a line; one without any quantity is bought."""
    left = quantity_left(item)
    return left is None or left > 0


def quantity_left(item: dict[str, Any]) -> Decimal | None:
    """Return what was not removed or refunded, None if unknown."""
    left: Decimal | None = item["quantity"] if item["current_quantity"] is None else item["current_quantity"]
    return left


def subtract_refunds(order: dict[str, Any]) -> None:
    """Set what is left of lines whose payload has no `current_quantity`, by the refunds of the order."""
    refunded: dict[str, Decimal] = {}
    for refund in order["refunds"]:
        for part in refund["refund_line_items"] or ():
            refunded[part["line_item_id"]] = refunded.get(part["line_item_id"], ZERO) + part["quantity"]
    for item in order["line_items"]:
        quantity, gone = item["quantity"], refunded.get(item["id"])
        if item["current_quantity"] is None and quantity is not None and gone is not None:
            item["current_quantity"] = max(quantity - gone, ZERO)


def of_order(order: dict[str, Any]) -> Decimal | None:
    """Return the revenue of the order's products, None if unknown."""
    products = [item for item in order["line_items"] if item["product_id"] and is_bought(item)]
    amounts = [_of_line(item, order) for item in products]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if len(known) == len(amounts) else _of_subtotal(order, products)


def _of_line(item: dict[str, Any], order: dict[str, Any]) -> Decimal | None:
    left, discount, inside = quantity_left(item), _discount(item), _inside(item, order)
    has_subtotal = item["discount_allocations"] is None and _subtotal(order) is not None and _only_products(order)
    if left is None or item["price"] is None or discount is None or inside is None or has_subtotal:
        return None
    total: Decimal = item["price"] * left - discount - inside
    return max(total, ZERO)


def _discount(item: dict[str, Any]) -> Decimal | None:
    """Return the discount of a line; the allocations include discounts on the order, `total_discount` does not.

    https://shopify.dev/docs/api/admin-rest/latest/resources/order (line_items, total_discount)
    """
    if item["discount_allocations"] is False:  # given, and not readable
        return None
    if item["discount_allocations"] is None:
        return None if item["total_discount"] is None else _scaled(item["total_discount"], item)
    return _scaled(sum((part["amount"] for part in item["discount_allocations"]), ZERO), item)


def _inside(item: dict[str, Any], order: dict[str, Any]) -> Decimal | None:
    """Return the taxes and duties within a line's price: zero where prices exclude them, None if unknown."""
    taxes = _taxes_inside(item, taxes_included=order["taxes_included"])
    if not order["duties_included"] or not item["duties"] or taxes is None:
        return taxes
    return taxes + _scaled(sum((duty["shop_money"]["amount"] for duty in item["duties"]), ZERO), item)


def _taxes_inside(item: dict[str, Any], *, taxes_included: bool | None) -> Decimal | None:
    if taxes_included is False:
        return ZERO
    if taxes_included is None or item["tax_lines"] is None:
        return None
    return _scaled(sum((tax["price"] for tax in item["tax_lines"]), ZERO), item)


def _scaled(amount: Decimal, item: dict[str, Any]) -> Decimal:
    """Return the part of an amount of the original quantity that belongs to what is left, rounded to cents."""
    quantity, left = item["quantity"], item["current_quantity"]
    if not amount or left is None or not quantity or left >= quantity:
        return amount
    scaled: Decimal = (amount * left / quantity).quantize(CENT, ROUND_HALF_UP)
    return scaled


def _of_subtotal(order: dict[str, Any], products: list[dict[str, Any]]) -> Decimal | None:
    """Return the order's subtotal less what is inside the prices, if every line is a product."""
    subtotal, inside = _subtotal(order), [_inside(item, order) for item in products]
    known = [amount for amount in inside if amount is not None]
    if subtotal is None or len(known) < len(inside) or not _only_products(order):
        return None
    return max(subtotal - sum(known, ZERO), ZERO)


def _subtotal(order: dict[str, Any]) -> Decimal | None:
    """Return the price of the lines after discounts that the order states, if it is the one of what is left."""
    if order["current_subtotal_price"] is not None:
        current: Decimal = order["current_subtotal_price"]
        return current
    edited = any(item["current_quantity"] not in (None, item["quantity"]) for item in order["line_items"])
    subtotal: Decimal | None = None if edited else order["subtotal_price"]
    return subtotal


def _only_products(order: dict[str, Any]) -> bool:
    return all(item["product_id"] for item in order["line_items"])
