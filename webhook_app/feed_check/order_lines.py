"""From a stored body to what a product-key template may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import ValidationError

from schemas.events import AddToCart, Pageview, Purchase
from webhook_app.translation.translate import parse_json, template_fields

if TYPE_CHECKING:
    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import Platform


def fields_of(body: bytes, topic: str, platform: Platform, shop: Shop) -> list[dict[str, str]]:
    """Return the fields of each product in a body, whatever becomes of the event; nothing where it has none."""
    try:
        meaning = platform.translate(topic, parse_json(body))
    except ValidationError:
        return []
    match meaning:
        case Purchase():
            lines = [line for line in meaning.lines if not line.part_of_bundle]
        case Pageview() | AddToCart():
            lines = [meaning.line]
        case _:
            return []
    return [template_fields(line, meaning.fields, shop) for line in lines]
