"""The platform Shopware 6, by an app: https://developer.shopware.com/docs/guides/plugins/apps/webhook.html .

Topic, identity and address are in the signed body. A retry is signed anew, since the body has the time of sending; only
its `eventId` is the same. https://github.com/shopware/shopware/tree/trunk/src/Core/Framework/Webhook
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from schemas.base import check_size
from schemas.events import Ignored, Reason
from schemas.shopware import ORDERS, OrderMessage, PaidMessage
from webhook_app import exact_json
from webhook_app.platforms import shopware_fields
from webhook_app.platforms.base import BACKFILL, BodyNames, Platform, SampleValues, Topic
from webhook_app.platforms.registration import Handshake
from webhook_app.signing.hmac_schemes import BodyHmac

if TYPE_CHECKING:
    from collections.abc import Callable

UNTYPED = "untyped"  # the topic of a body in which no topic is looked for
PLACED = "checkout.order.placed"
PAID = "state_enter.order_transaction.state.paid"
MUG, SHIRT, SHIRT_OF = "3e21a91882114fab835a4942efd8fa63", "7b2f4c1de09a4c6f8a35d0b19e64c2f7", "51c0" * 8
CHANNEL, LANGUAGE = "98432def39fc4624b33213a56b8c944d", "2fbb5fe2e29a4d70aa5854ce7ce3e20b"


def _names_of(body: bytes) -> BodyNames:
    """Return the topic of a verified body, the id of its event and the address of its shop; "" where it has none.

    A body with too many values is stored too, and shown: Shopware disables a webhook that is refused ten times.
    """
    try:
        check_size(body)
    except ValidationError:
        return BodyNames(UNTYPED)
    try:
        message = exact_json.parse(body)
        topic, source = message["data"]["event"], message.get("source")
    except (ValueError, RecursionError, TypeError, LookupError, AttributeError):
        return BodyNames("")
    source = source if isinstance(source, dict) else {}
    return BodyNames(
        *(one if isinstance(one, str) else "" for one in (topic, source.get("eventId"), source.get("url")))
    )


def _sample(topic: str, order_state: str, payment_state: str) -> Callable[[SampleValues], dict[str, Any]]:
    def make(sample: SampleValues) -> dict[str, Any]:
        identity = f"{sample.number:032x}"[-32:]
        return {
            "data": {"payload": {"order": _order(sample, identity, order_state, payment_state)}, "event": topic},
            "source": {
                "url": f"https://{sample.domain}",
                "appVersion": "1.0.0",
                "eventId": identity,
                "shopId": "sample",
            },
            "timestamp": sample.number // 1_000_000,
        }

    return make


def _order(sample: SampleValues, identity: str, order_state: str, payment_state: str) -> dict[str, Any]:
    key = {sample.profile_attribute: sample.profile_key}
    return {
        "id": identity,
        "orderNumber": str(sample.number),
        "orderDateTime": sample.now,
        "salesChannelId": CHANNEL,
        "languageId": LANGUAGE,
        "currency": {"isoCode": "EUR"},
        "taxStatus": "gross",
        "amountTotal": 59.35,
        "amountNet": 49.05,
        "shippingCosts": {"totalPrice": 4.95, "calculatedTaxes": [{"tax": 0.86, "taxRate": 21, "price": 4.95}]},
        "stateMachineState": {"technicalName": order_state},
        "transactions": [{"createdAt": sample.now, "stateMachineState": {"technicalName": payment_state}}],
        "orderCustomer": {"customerNumber": "10001", "email": "sample@example.test", "customFields": key},
        "lineItems": [_line(MUG, None, "MUG-BLUE", 2, 19.95), _line(SHIRT, SHIRT_OF, "TSHIRT-M", 1, 14.5)],
    }


def _line(product: str, parent: str | None, number: str, quantity: int, price: float) -> dict[str, Any]:
    return {
        "type": "product",
        "productId": product,
        "referencedId": product,
        "quantity": quantity,
        "unitPrice": price,
        "totalPrice": round(quantity * price, 2),
        "good": True,
        "payload": {"parentId": parent, "productNumber": number},
    }


_ORDER = OrderMessage()


PLATFORM = Platform(
    name="shopware",
    title="Shopware",
    signature=BodyHmac(("shopware-shop-signature",), encoding="hex"),
    names_from_body=_names_of,
    # With the same secret Shopware signs queries of pages in the administration, which begin with a letter.
    body_start=b"{",
    domain_in_body=True,
    stored_headers=("sw-version",),
    topics=(
        Topic(PLACED, "An order was placed.", _ORDER, _sample(PLACED, "open", "open")),
        Topic(PAID, "An order was paid.", PaidMessage(), _sample(PAID, "open", "paid")),
        *(
            Topic(name, summary, _ORDER, _sample(name, *states))
            for name, summary, states in (
                ("state_enter.order_transaction.state.cancelled", "A payment was cancelled.", ("open", "cancelled")),
                ("state_enter.order_transaction.state.refunded", "An order was refunded.", ("open", "refunded")),
                ("state_enter.order.state.cancelled", "An order was cancelled.", ("cancelled", "open")),
            )
        ),
    ),
    ignored_topics={
        UNTYPED: Ignored(Reason.UNMAPPED_TOPIC, "The body has too many values to look for its event."),
        "order.written": Ignored(Reason.NOT_AN_ORDER, "It says which fields of an order were written, not the order."),
        "order.deleted": Ignored(Reason.DELETED, "The order was deleted; Tweakwise cannot undo a purchase."),
        "order*.*": Ignored(Reason.NOT_AN_ORDER, "A part of an order that was written is no order."),
        "app.*": Ignored(Reason.NOT_AN_ORDER, "It is about the app itself."),
        "product.*": Ignored(Reason.NOT_AN_ORDER, "A product is not an order."),
        "customer.*": Ignored(Reason.NOT_AN_ORDER, "A customer is not an order."),
        "checkout.customer.*": Ignored(Reason.NOT_AN_ORDER, "A customer is not an order."),
    },
    fetched=Topic(
        BACKFILL, "An order was fetched from the Admin API.", _ORDER, _sample(BACKFILL, "open", "open"), subscribe=False
    ),
    api_credentials=(("url", "client_id", "client_secret"),),
    # The language's locale is null when an order is placed, and given later: the two would make different keys.
    orders_have_locale=False,
    template_fields=frozenset({"parent_id", "product_number", "sales_channel_id", "language_id"}),
    shown=shopware_fields.SHOWN,
    orders=ORDERS,
    handshake=Handshake(app_name="TweakwiseEvents", removed_topic="app.deleted"),
    secret_help="None to paste: write app_secret into shops.toml, and the app agrees a secret when it is installed.",
    new_secret_help="Nothing is to be pasted: `make-app` writes it into the app, which you upload and install.",
    resends="sends it again for 8 seconds at most, or never",
    enabling=(
        "Shopware lets no app enable a webhook, and an update leaves it as it is: uninstall the app and install it "
        "again. Orders are fetched meanwhile."
    ),
    notes=(
        "A webhook that was made without an app carries no signature: install the one in storefront/shopware.",
        "Shopware gives up after 8 seconds of retries, or after one attempt.",
        "Shopware disables a webhook that failed ten times, without a word.",
        "An order does not say who the customer is: it needs a profile key in the custom fields of the customer.",
        "There are no webhooks for searches and product views.",
    ),
)
