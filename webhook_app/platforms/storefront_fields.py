"""Which fields of a storefront's events are shown on pages: products, amounts and times; never who the visitor is."""

from __future__ import annotations

from webhook_app.masking import shown

EVENT = shown(
    "term profile_key session_key customer_id user_agent logged_in_customer_id",
    ref="product_id variant_id sku request_id item_id event_id shop path_prefix",
    money="amount",
    count="quantity",
    code="locale currency",
    date="sent_at",
    id="timestamp",
    word="event action source",
    flag="internal",
)
