"""The platform WooCommerce: https://woocommerce.com/document/webhooks/ and class-wc-webhook.php in its source.

WooCommerce has no webhooks for browsing; the plugin in storefront/woocommerce sends them, signed in the same way.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

from schemas.events import Ignored, Reason
from schemas.storefront import SCHEMAS, is_ambiguous
from schemas.woocommerce import ORDERS, OrderSchema
from webhook_app.platforms import browsing, woocommerce_fields
from webhook_app.platforms.base import BACKFILL, Platform, SampleValues, Topic
from webhook_app.signing.hmac_schemes import BodyHmac

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.event_types import EventType

# WC_Webhook::deliver_ping(): unsigned, repeated until it is answered with exactly 200.
PING = re.compile(rb"webhook_id=[0-9]{1,20}")


def _is_ping(body: bytes, headers: Mapping[str, str]) -> bool:
    return "x-wc-webhook-topic" not in headers and PING.fullmatch(body) is not None


def _order(sample: SampleValues) -> dict[str, Any]:
    return {
        "id": sample.number,
        "status": "processing",
        "currency": "EUR",
        "prices_include_tax": True,
        "date_created_gmt": sample.now.removesuffix("Z"),
        "date_paid_gmt": sample.now.removesuffix("Z"),
        "discount_total": "4.08",
        "shipping_total": "4.95",
        "total": "55.72",
        "total_tax": "9.67",
        "customer_id": 0,
        "created_via": "store-api",
        "meta_data": [{"id": 1, "key": f"_{sample.profile_attribute.lstrip('_')}", "value": sample.profile_key}],
        "line_items": [
            _line(1, "10", "0", "MUG-BLUE", "21.40"),
            _line(2, "14", "16", "TSHIRT-M", "16.49"),
        ],
    }


def _line(number: int, product: str, variation: str, sku: str, total: str) -> dict[str, Any]:
    return {
        "id": number,
        "product_id": int(product),
        "variation_id": int(variation),
        "quantity": 1,
        "sku": sku,
        "subtotal": total,
        "total": total,
        "meta_data": [],
    }


def _browsing(event: EventType, sample: SampleValues) -> dict[str, Any]:
    """Return what the plugin sends; it looks the product up, and names the event where another one has its fields."""
    own = browsing.sample_of(event, sample, product_id="10", variant_id="0", amount="42.80")
    return {
        **own,
        **({"event": event.name} if is_ambiguous(event) else {}),
        "session_key": f"sample-{sample.number}",
        "locale": "nl-NL",
        "currency": "EUR",
        "event_id": str(sample.number),
        "sent_at": sample.now,
    }


_ORDER = OrderSchema()


PLATFORM = Platform(
    name="woocommerce",
    title="WooCommerce",
    # WC_Webhook::generate_signature() decodes HTML entities in the secret first.
    signature=BodyHmac(("x-wc-webhook-signature",), decode=unescape),
    topic_headers=("x-wc-webhook-topic",),
    # X-WC-Webhook-Delivery-ID is a hash of the webhook and the second: different orders share it.
    identity_headers=(),
    domain_headers=("x-wc-webhook-source",),
    stored_headers=("x-wc-webhook-id", "x-wc-webhook-delivery-id"),
    topics=(
        Topic("order.created", "An order was created; its status decides whether it counts.", _ORDER, _order),
        Topic("order.updated", "An order changed, was paid, or was placed in the block checkout.", _ORDER, _order),
        *browsing.topics("storefront.", lambda event: SCHEMAS[event.name](), _browsing),
    ),
    ignored_topics={
        "storefront.test": Ignored(
            Reason.TEST_EVENT, "The plugin's test button was pressed: URL and secret are right."
        ),
        "order.deleted": Ignored(Reason.DELETED, "The order was deleted; Tweakwise cannot undo a purchase."),
        "order.*": Ignored(Reason.NOT_AN_ORDER, "This order topic is not a purchase."),
        "action.*": Ignored(Reason.NOT_AN_ORDER, "An action hook carries no order."),
        "customer.*": Ignored(Reason.NOT_AN_ORDER, "A customer is not an order."),
        "product.*": Ignored(Reason.NOT_AN_ORDER, "A product is not an order."),
        "coupon.*": Ignored(Reason.NOT_AN_ORDER, "A coupon is not an order."),
    },
    fetched=Topic(BACKFILL, "An order was fetched from the shop's REST API.", _ORDER, _order, subscribe=False),
    api_credentials=(("url", "key", "secret"),),
    is_ping=_is_ping,
    # sanitize_text_field() takes tags and %xx out; the form writes quotes and & as HTML entities.
    unsafe_secret_characters="<>&\"'%",
    orders_have_locale=False,
    shown=woocommerce_fields.SHOWN,
    orders=ORDERS,
    secret_help=(
        "WooCommerce > Settings > Advanced > Webhooks > your webhook > Secret. Choose one of A-Z, a-z and 0-9 only: "
        "saving the form again changes many generated secrets."
    ),
    new_secret_help="Paste it at WooCommerce > Settings > Advanced > Webhooks > your webhook > Secret of each webhook.",
    resends="never sends it again",
    notes=(
        "There are no webhooks for searches and product views: install the plugin in storefront/woocommerce.",
        "Subscribe to both order topics: the block checkout sends order.updated before order.created.",
        "WooCommerce never retries a failed delivery, and disables a webhook after 7 failures in a row.",
        "Guests have no customer id: their orders are ignored unless the order's meta has a profile key.",
        "WordPress refuses to send webhooks to local addresses: test through a tunnel.",
    ),
)
