"""Any other storefront: JSON as in docs/standard.md, signed as https://www.standardwebhooks.com specifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from schemas.base import check_size
from schemas.event_types import EVENT_TYPES, PRODUCT_KEY
from schemas.events import Ignored, Reason
from schemas.standard import ORDERS, PurchaseSchema, message
from schemas.storefront import SCHEMAS
from webhook_app import exact_json
from webhook_app.platforms import browsing, standard_fields
from webhook_app.platforms.base import PRINTABLE, BodyNames, Platform, SampleValues, Topic
from webhook_app.signing.standard_webhooks import StandardWebhooks

if TYPE_CHECKING:
    from schemas.event_types import EventType

UNTYPED = "untyped"
MUG = PRODUCT_KEY.sample
SHIRT = {"product_id": "1002", "sku": "TSHIRT-M"}


def _names_of(body: bytes) -> BodyNames:
    """Return the body's `type`; a body without one, or with too many values, is stored too, and ignored."""
    try:
        check_size(body)
        name = exact_json.parse(body)["type"]
    except (ValidationError, ValueError, RecursionError, TypeError, LookupError):
        return BodyNames(UNTYPED)
    return BodyNames(name if isinstance(name, str) and PRINTABLE.fullmatch(name) else UNTYPED)


def _message(event: EventType, sample: SampleValues) -> dict[str, Any]:
    return {"type": event.name, "data": browsing.sample_of(event, sample)}


def _purchase(sample: SampleValues) -> dict[str, Any]:
    data = {
        "order_id": str(sample.number),
        "created_at": sample.now,
        "profile_key": sample.profile_key,
        "revenue": 49.85,
        "currency": "EUR",
        "locale": "nl-NL",
        "lines": [{**MUG, "quantity": 2}, {**SHIRT, "quantity": 1}],
    }
    return {"type": "purchase", "data": data}


def _topic(event: EventType) -> Topic:
    """Return the topic of an event; a purchase must not be rejected because of the rate of browsing events."""
    summary, schema = browsing.summary(event), message(event.name, SCHEMAS.get(event.name, PurchaseSchema))
    sample = browsing.maker(event, _message) if event.is_browsing else _purchase
    return Topic(event.name, summary, schema, sample, subscribe=not event.is_extra, storefront=event.is_browsing)


PLATFORM = Platform(
    name="standard",
    title="Standard Webhooks",
    signature=StandardWebhooks(),
    names_from_body=_names_of,
    identity_headers=("webhook-id",),
    signs_identity=True,
    stored_headers=("webhook-timestamp",),
    topics=tuple(_topic(event) for event in EVENT_TYPES.values()),
    ignored_topics={
        UNTYPED: Ignored(
            Reason.UNMAPPED_TOPIC,
            'The body has no "type", one that is not a single ASCII word, or too many values to look for it.',
        )
    },
    shown={"*": standard_fields.MESSAGE},
    orders=ORDERS,
    secret_help=(
        'Create one with echo "whsec_$(openssl rand -base64 32)", and configure the same text at the sender and here, '
        "with or without whsec_."
    ),
    new_secret_help="Configure it at the sender, which signs with it.",
    notes=(
        "webhook-timestamp must be within 5 minutes of the receiver's clock: sign again for every attempt.",
        "webhook-id identifies a delivery: repeat it in retries, and use a new one for every other delivery.",
        "A purchase is counted once per order_id, whatever its webhook-id.",
        "/docs of this receiver documents every message, /openapi.json is its machine-readable form.",
    ),
)
