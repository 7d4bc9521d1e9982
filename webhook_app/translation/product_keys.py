"""Product keys of an order's lines, by the shop's template."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.events import Line
    from webhook_app.config.shops import Shop


def product_key(line: Line, order_fields: Mapping[str, str], shop: Shop) -> str | None:
    """Fill the shop's template for one line; None when the line lacks a field of it."""
    return shop.product_key.fill(template_fields(line, order_fields, shop))


def template_fields(line: Line, order_fields: Mapping[str, str], shop: Shop) -> dict[str, str]:
    """Return the template's values for one line: the order's, the line's, and the shop's constants on top."""
    of_order = order_fields.get
    constants = shop.constants_for(
        of_order("locale", ""), of_order("sales_channel_id", ""), of_order("language_id", "")
    )
    return {**order_fields, **line.fields, **constants}


def counted_lines(lines: Sequence[Line], order_fields: Mapping[str, str], shop: Shop) -> Sequence[Line]:
    """Return the lines that are products: of a bundle its container, or its parts where that gives no product key."""
    containers = {id(line.container): line.container for line in lines if line.container}
    if not containers:
        return lines
    replaced = {number for number, line in containers.items() if product_key(line, order_fields, shop) is None}
    parts_stand_in = [line for line in lines if line.container is None or id(line.container) in replaced]
    return [line for line in parts_stand_in if id(line) not in replaced]
