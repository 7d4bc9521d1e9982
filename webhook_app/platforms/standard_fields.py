"""Which fields of a Standard Webhooks message are shown on pages: docs/standard.md describes all of them."""

from __future__ import annotations

from webhook_app.masking import shown
from webhook_app.platforms.storefront_fields import EVENT

MESSAGE = (
    shown("extra id", word="type", date="timestamp")
    | EVENT.below("data")
    | shown(
        ref="data.order_id data.lines[].product_id data.lines[].variant_id data.lines[].sku",
        date="data.created_at",
        money="data.revenue",
        count="data.lines[].quantity",
        word="data.status",
    )
)
