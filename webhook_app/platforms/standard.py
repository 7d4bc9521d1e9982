"""Any other storefront: our own JSON (docs/standard.md), signed as https://www.standardwebhooks.com says."""

from __future__ import annotations

import json
from typing import Any

from schemas.events import Ignored, Reason
from schemas.standard import AddToCartMessage, PageviewMessage, PurchaseMessage, SearchMessage, SessionStartMessage
from webhook_app.platforms.base import PRINTABLE, Platform, SampleValues, Topic
from webhook_app.signing.standard_webhooks import StandardWebhooks

UNTYPED = "untyped"
MUG = {"product_id": "1001", "variant_id": "1001-blue", "sku": "MUG-BLUE"}
SHIRT = {"product_id": "1002", "sku": "TSHIRT-M"}


def _type_of(body: bytes) -> str:
    """Return the body's `type`; what cannot be read is stored all the same, and dead or ignored by name later."""
    try:
        said = json.loads(body)["type"]
    except (ValueError, RecursionError, TypeError, LookupError):
        return UNTYPED
    return said if isinstance(said, str) and PRINTABLE.fullmatch(said) else UNTYPED


def _search(sample: SampleValues) -> dict[str, Any]:
    return {"type": "search", "data": {"term": "blue mug", "profile_key": sample.profile_key}}


def _pageview(sample: SampleValues) -> dict[str, Any]:
    return {"type": "pageview", "data": {**MUG, "profile_key": sample.profile_key}}


def _add_to_cart(sample: SampleValues) -> dict[str, Any]:
    return {"type": "addtocart", "data": {**MUG, "quantity": 2, "amount": 39.9, "profile_key": sample.profile_key}}


def _session_start(sample: SampleValues) -> dict[str, Any]:
    return {"type": "sessionstart", "data": {"session_key": f"s-{sample.number}", "profile_key": sample.profile_key}}


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


PLATFORM = Platform(
    name="standard",
    title="Standard Webhooks",
    signature=StandardWebhooks(),
    topic_from_body=_type_of,
    identity_headers=("webhook-id",),
    stored_headers=("webhook-timestamp",),
    topics=(
        Topic("search", "A results page was shown.", SearchMessage(), _search, storefront=True),
        Topic("pageview", "A product page was shown.", PageviewMessage(), _pageview, storefront=True),
        # Never `storefront`: a purchase must not be turned away because many others look around.
        Topic("purchase", "An order counts; the sender decides when.", PurchaseMessage(), _purchase),
        Topic(
            "addtocart",
            "A product was put into the cart; only where the shop has extra_events.",
            AddToCartMessage(),
            _add_to_cart,
            subscribe=False,
            storefront=True,
        ),
        Topic(
            "sessionstart",
            "A visit began; only where the shop has extra_events.",
            SessionStartMessage(),
            _session_start,
            subscribe=False,
            storefront=True,
        ),
    ),
    ignored_topics={
        UNTYPED: Ignored(Reason.UNMAPPED_TOPIC, 'The body has no "type", or one that is not a single word.')
    },
    secret_help=(
        'You choose it: echo "whsec_$(openssl rand -base64 32)". The sender and the shop here get the same text, with '
        "or without whsec_."
    ),
    notes=(
        "webhook-timestamp must be within 5 minutes of our clock: sign again for every attempt.",
        "webhook-id tells deliveries apart: keep it when you repeat one, and take a new one for everything else.",
        "A purchase is counted once for its order_id, whatever its webhook-id.",
        "/docs on this receiver says what each message holds, /openapi.json says it to programs.",
    ),
)
