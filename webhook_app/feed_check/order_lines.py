"""Reads from a stored body the fields that a product-key template may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import ValidationError

from schemas.events import Browsing, Purchase
from webhook_app.translation.product_keys import counted_lines, template_fields
from webhook_app.translation.translate import parse_json

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform


def fields_of(body: bytes, topic: str, platform: Platform, shop: Shop) -> list[dict[str, str]]:
    """Return the fields of each product in a body, whatever the outcome of its delivery; empty if it has none."""
    try:
        event = platform.translate(topic, parse_json(body))
    except ValidationError:
        return []
    if isinstance(event, Purchase):
        lines = counted_lines(event.lines, event.fields, shop)
    elif isinstance(event, Browsing) and event.line:
        lines = [event.line]
    else:
        return []
    return [template_fields(line, event.fields, shop) for line in lines]
