"""Any other storefront: JSON as in docs/standard.md, signed as https://www.standardwebhooks.com specifies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError

from schemas.base import check_size
from schemas.events import Ignored, Reason
from schemas.standard import ORDERS, PurchaseSchema, message
from schemas.storefront import AddToCartSchema, PageviewSchema, SearchSchema, SessionStartSchema
from webhook_app import exact_json
from webhook_app.platforms import standard_fields
from webhook_app.platforms.base import PRINTABLE, Platform, SampleValues, Topic
from webhook_app.signing.standard_webhooks import StandardWebhooks

if TYPE_CHECKING:
    from schemas.base import PlatformSchema
    from webhook_app.platforms.base import MakeSample

UNTYPED = "untyped"
MUG = {"product_id": "1001", "variant_id": "1001-blue", "sku": "MUG-BLUE"}
SHIRT = {"product_id": "1002", "sku": "TSHIRT-M"}


def _type_of(body: bytes) -> str:
    """Return the body's `type`; a body without one, or with too many values, is stored too, and ignored."""
    try:
        check_size(body)
        name = exact_json.parse(body)["type"]
    except (ValidationError, ValueError, RecursionError, TypeError, LookupError):
        return UNTYPED
    return name if isinstance(name, str) and PRINTABLE.fullmatch(name) else UNTYPED


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


def _browsing(name: str, summary: str, data: type[PlatformSchema], sample: MakeSample, *, extra: bool = False) -> Topic:
    if extra:
        summary = f"{summary.removesuffix('.')}; requires extra_events."
    return Topic(name, summary, message(name, data), sample, subscribe=not extra, storefront=True)


PLATFORM = Platform(
    name="standard",
    title="Standard Webhooks",
    signature=StandardWebhooks(),
    topic_from_body=_type_of,
    identity_headers=("webhook-id",),
    signs_identity=True,
    stored_headers=("webhook-timestamp",),
    topics=(
        _browsing("search", "A page of search results was shown.", SearchSchema, _search),
        _browsing("pageview", "A product page was shown.", PageviewSchema, _pageview),
        # Not a storefront topic: a purchase must not be rejected because of the rate of browsing events.
        Topic("purchase", "An order counts: the sender decides when.", message("purchase", PurchaseSchema), _purchase),
        _browsing("addtocart", "A product was put into the cart.", AddToCartSchema, _add_to_cart, extra=True),
        _browsing("sessionstart", "A visit began.", SessionStartSchema, _session_start, extra=True),
    ),
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
    notes=(
        "webhook-timestamp must be within 5 minutes of the receiver's clock: sign again for every attempt.",
        "webhook-id identifies a delivery: repeat it in retries, and use a new one for every other delivery.",
        "A purchase is counted once per order_id, whatever its webhook-id.",
        "/docs of this receiver documents every message, /openapi.json is its machine-readable form.",
    ),
)
