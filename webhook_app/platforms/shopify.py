"""The platform Shopify: https://shopify.dev/docs/apps/build/webhooks ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import Ignored, Reason
from schemas.shopify import ORDERS, OrderSchema, PaidOrderSchema, proxied
from schemas.shopify_checkout import CheckoutReportSchema
from schemas.shopify_privacy import DataRequestSchema, RedactSchema, ShopRedactSchema
from schemas.storefront import SCHEMAS
from webhook_app.platforms import browsing, shopify_fields, storefront_fields
from webhook_app.platforms.base import (
    BACKFILL,
    CHECKOUT_REPORTS,
    SAMPLE_DOMAIN,
    STOREFRONT,
    Platform,
    SampleValues,
    StorefrontProxy,
    Topic,
)
from webhook_app.signing.hmac_schemes import BodyHmac, QueryHmac

if TYPE_CHECKING:
    from schemas.base import PlatformSchema
    from schemas.event_types import EventType
    from webhook_app.platforms.base import MakeSample


def _order(sample: SampleValues) -> dict[str, Any]:
    return {
        "id": sample.number,
        "created_at": sample.now,
        "currency": "EUR",
        "customer": None,
        "customer_locale": "nl-NL",
        "cancelled_at": None,
        "financial_status": "paid",
        "source_name": "web",
        "taxes_included": True,
        "test": False,
        "note_attributes": [{"name": sample.profile_attribute, "value": sample.profile_key}],
        "line_items": [
            _line("8011551572211", "44123456789011", "MUG-BLUE", "19.95", "3.46"),
            _line("8011551572212", "44123456789012", "TSHIRT-M", "12.95", "2.25"),
        ],
    }


def _line(product: str, variant: str, sku: str, price: str, tax: str) -> dict[str, Any]:
    return {
        "product_id": int(product),
        "variant_id": int(variant),
        "sku": sku,
        "quantity": 1,
        "price": price,
        "discount_allocations": [],
        "tax_lines": [{"title": "BTW", "rate": 0.21, "price": tax}],
    }


def _customer(sample: SampleValues) -> dict[str, Any]:
    return {
        "shop_id": 1,
        "shop_domain": SAMPLE_DOMAIN,
        "customer": {"id": sample.number, "email": "sample@example.test", "phone": None},
    }


def _redact(sample: SampleValues) -> dict[str, Any]:
    return {**_customer(sample), "orders_to_redact": []}


def _data_request(sample: SampleValues) -> dict[str, Any]:
    return {**_customer(sample), "orders_requested": [], "data_request": {"id": sample.number}}


def _shop_redact(sample: SampleValues) -> dict[str, Any]:
    # Never the shop's own address: it would erase everything.
    return {"shop_id": sample.number, "shop_domain": SAMPLE_DOMAIN}


def _browsing(event: EventType, sample: SampleValues) -> dict[str, Any]:
    """Return the parameters of an event: the page's, and those that the App Proxy adds."""
    return {
        **browsing.sample_of(event, sample, product_id="8011551572211", variant_id="44123456789011"),
        "shop": sample.domain,
        "logged_in_customer_id": "",
        "path_prefix": "/apps/tweakwise",
    }


_ORDER = OrderSchema()


def _compliance(name: str, summary: str, schema: PlatformSchema, sample: MakeSample) -> Topic:
    return Topic(name, summary, schema, sample, subscribe=False)


PLATFORM = Platform(
    name="shopify",
    title="Shopify",
    # The names without X- belong to the newer Events: https://shopify.dev/docs/apps/build/events
    signature=BodyHmac(("x-shopify-hmac-sha256", "shopify-hmac-sha256")),
    topic_headers=("x-shopify-topic", "shopify-topic"),
    # The client secret also signs the App Proxy's queries, whose text a visitor can make valid JSON. It never begins
    # with this: it is sorted, and the names that Shopify adds come before it.
    body_start=b"{",
    identity_headers=("x-shopify-webhook-id", "shopify-webhook-id"),
    domain_headers=("x-shopify-shop-domain", "shopify-shop-domain"),
    stored_headers=(
        "x-shopify-event-id",
        "shopify-event-id",
        "x-shopify-triggered-at",
        "shopify-triggered-at",
        "x-shopify-api-version",
        "shopify-api-version",
    ),
    topics=(
        Topic("orders/create", "An order was placed.", _ORDER, _order),
        Topic("orders/paid", "An order was paid.", PaidOrderSchema(), _order),
        Topic("orders/updated", "An order changed; it counts unless it was counted before.", _ORDER, _order),
        _compliance("customers/data_request", "A customer asks for their data.", DataRequestSchema(), _data_request),
        _compliance("customers/redact", "A customer asks to be forgotten: erases their data.", RedactSchema(), _redact),
        _compliance("shop/redact", "The app was uninstalled: erases its data.", ShopRedactSchema(), _shop_redact),
        # https://shopify.dev/docs/api/web-pixels-api/standard-events
        *browsing.topics(STOREFRONT, lambda event: proxied(SCHEMAS[event.name]), _browsing),
    ),
    fetched=Topic(BACKFILL, "An order was fetched from the Admin API.", _ORDER, _order, subscribe=False),
    api_credentials=(("url", "client_id"), ("url", "token")),
    # https://shopify.dev/docs/apps/build/online-store/app-proxies/authenticate-app-proxies
    proxy=StorefrontProxy(
        QueryHmac(required=("shop",), single=("logged_in_customer_id", "path_prefix")),
        shop_parameter="shop",
        customer_parameter="logged_in_customer_id",
        checkout_reports=CheckoutReportSchema(),
    ),
    ignored_topics={
        "orders/cancelled": Ignored(Reason.CANCELLED, "The order was cancelled; Tweakwise cannot undo a purchase."),
        "refunds/create": Ignored(Reason.REFUNDED, "An order was refunded; Tweakwise cannot undo a purchase."),
        "orders/delete": Ignored(Reason.DELETED, "The order was deleted; Tweakwise cannot undo a purchase."),
        "draft_orders/*": Ignored(Reason.DRAFT, "A draft order is not a purchase."),
        CHECKOUT_REPORTS: Ignored(Reason.CHECKOUT_REPORT, "The pixel reports a checkout, for the key of its order."),
        "app/uninstalled": Ignored(Reason.NOT_AN_ORDER, "The app was uninstalled from the shop."),
    },
    shown={**shopify_fields.SHOWN, f"{STOREFRONT}*": storefront_fields.EVENT},
    orders=ORDERS,
    secret_help=(
        "Webhooks of an app: the app's client secret. Webhooks created in Settings > Notifications > Webhooks: the "
        "secret at the bottom of that page."
    ),
    resends="sends it again up to 8 times within 4 hours",
    notes=(
        "For up to an hour after a client secret is rotated, deliveries are signed with the old one: list both.",
        "Send test notification posts a cancelled test order, which is ignored as test_order.",
        "A response after more than 5 seconds is a failure; 8 failures in a row remove a subscription made by API.",
        "Searches and product views come from an app's pixel through its App Proxy: docs/shopify.md.",
        "The compliance topics (customers/*, shop/redact) are set in the app's configuration, not per shop.",
    ),
)
