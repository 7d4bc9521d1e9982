"""The events of the Tweakwise Analytics API: one entry in one table for each, which everything else is derived from.

An entry names what the API requires and takes: https://docs.tweakwise.com (Analytics API). From it come the bodies of
calls (schemas/tweakwise.py), the schemas of what storefronts send (schemas/storefront.py), the topics and samples of
every platform, the OpenAPI document, and the rules of the sandbox. docs/adding-an-event.md describes how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from marshmallow import fields, validate

from schemas import call_fields
from schemas.call_fields import LONGEST_PROFILE_KEY
from schemas.events import Ignored, Reason
from schemas.fields import Id, Label, Money, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    FieldOf = fields.Field[Any]

LONGEST_TERM = 500
LONGEST_SOURCE = LONGEST_PROFILE_KEY  # what is longer is not searched for personal data


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value of a call: `api` is the API's name for it, `write` makes its field in the body of a call.

    `payload` are the fields of a storefront's payload that it is made of, and `sample` an example of them; empty where
    it is the visitor's, or an order's. Payloads of different events are distinguished by the fields in `marks`.
    `blank` is why a payload with an empty text has no event. `identifies` is whether another value is another event,
    not a repetition; `is_product` whether it names products of the feed. `may_be_unknown` is whether a call is made
    without it although the API requires it.
    """

    name: str
    api: str
    write: Callable[..., FieldOf]
    payload: Mapping[str, FieldOf] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    blank: Ignored | None = None
    identifies: bool = False
    is_product: bool = False
    may_be_unknown: bool = False

    @property
    def is_text(self) -> bool:
        """Whether storefronts give it as one text, whose spaces at the ends are not part of it."""
        return any(isinstance(given, Text) for given in self.payload.values())


PRODUCT_KEYS = Value("product_keys", "ProductKeys", call_fields.texts, is_product=True)
REVENUE = Value("revenue", "Revenue", call_fields.amount)
PROFILE_KEY = Value("profile_key", "ProfileKey", call_fields.profile_key)
SESSION_KEY = Value("session_key", "SessionKey", call_fields.session_key)
SEARCH_TERM = Value(
    "search_term",
    "SearchTerm",
    call_fields.text,
    payload={"term": Text(required=True, numbers=True, validate=validate.Length(max=LONGEST_TERM))},
    sample={"term": "blue mug"},
    marks=frozenset({"term"}),
    blank=Ignored(Reason.NO_TERM, "The search term is empty."),
    identifies=True,
)
PRODUCT_KEY = Value(
    "product_key",
    "ProductKey",
    call_fields.text,
    payload={
        "product_id": Id(required=True),
        "variant_id": Id(load_default=None, odd=""),
        "sku": Label(load_default=None),
    },
    sample={"product_id": "1001", "variant_id": "1001-blue", "sku": "MUG-BLUE"},
    marks=frozenset({"product_id", "variant_id"}),
    identifies=True,
    is_product=True,
)
QUANTITY = Value(
    "quantity",
    "Quantity",
    call_fields.quantity,
    payload={
        "quantity": Money(load_default=Decimal(1), validate=validate.Range(min=0, min_inclusive=False), strict=True)
    },
    sample={"quantity": 2},
    marks=frozenset({"quantity"}),
)
TOTAL_AMOUNT = Value(
    "total_amount",
    "TotalAmount",
    call_fields.amount,
    payload={"amount": Money(load_default=None, validate=validate.Range(min=0))},
    sample={"amount": 39.9},
    marks=frozenset({"amount"}),
    may_be_unknown=True,
)
REQUEST_ID = Value(
    "request_id",
    "RequestId",
    call_fields.text,
    payload={"request_id": Id(required=True)},
    sample={"request_id": "5b1f0a7c-2a52-4b7e-9d53-0f0f5f1f8a11"},
    marks=frozenset({"request_id"}),
    identifies=True,
)
ITEM_ID = Value(
    "item_id",
    "ItemId",
    call_fields.text,
    payload={"item_id": Id(required=True)},
    sample={"item_id": "100012345"},
    marks=frozenset({"item_id"}),
    identifies=True,
    is_product=True,
)
SOURCE = Value(
    "source",
    "Source",
    call_fields.text,
    payload={"source": Text(load_default=None, longest=LONGEST_SOURCE)},
    sample={"source": "newsletter"},
)


@dataclass(frozen=True, eq=False)
class EventType:
    """One event of the API: POST /api/`name`, which is also the last part of its topic on every platform.

    `title` names its schemas. `required` and `optional` are the values of the body, in the API's order. `is_extra`
    marks an event that only shops with `extra_events` send. A purchase is no browsing event: platforms send orders.
    """

    name: str
    title: str
    summary: str
    required: tuple[Value, ...]
    optional: tuple[Value, ...] = ()
    is_extra: bool = False
    is_browsing: bool = True

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """All values of the body."""
        return (*self.required, *self.optional)

    @cached_property
    def marks(self) -> frozenset[str]:
        """The fields by which its payloads are distinguished from those of other events."""
        return frozenset().union(*(value.marks for value in self.values))

    @property
    def sample(self) -> dict[str, Any]:
        """An example of its payload, without the visitor."""
        return {name: item for value in self.values for name, item in value.sample.items()}


EVENT_TYPES: Mapping[str, EventType] = {
    each.name: each
    for each in (
        EventType("search", "Search", "A page of search results was shown", (SEARCH_TERM, PROFILE_KEY), (SESSION_KEY,)),
        EventType("pageview", "Pageview", "A product page was shown", (PRODUCT_KEY, PROFILE_KEY), (SESSION_KEY,)),
        EventType(
            "purchase",
            "Purchase",
            "An order counts: the sender decides when",
            (PRODUCT_KEYS, PROFILE_KEY),
            (REVENUE, SESSION_KEY),
            is_browsing=False,
        ),
        EventType(
            "addtocart",
            "AddToCart",
            "A product was put into the cart",
            (PRODUCT_KEY, QUANTITY, TOTAL_AMOUNT, PROFILE_KEY),
            (SESSION_KEY,),
            is_extra=True,
        ),
        EventType(
            "addtowishlist",
            "AddToWishlist",
            "A product was put into the wishlist",
            (PRODUCT_KEY, PROFILE_KEY, SESSION_KEY),
            is_extra=True,
        ),
        EventType(
            "sessionstart", "SessionStart", "A visit began", (PROFILE_KEY, SESSION_KEY), (SOURCE,), is_extra=True
        ),
        EventType(
            "itemclick",
            "ItemClick",
            "An item of a list from Tweakwise was clicked",
            (REQUEST_ID, ITEM_ID),
            is_extra=True,
        ),
        EventType(
            "pageimpression",
            "PageImpression",
            "A page with a list from Tweakwise was shown",
            (REQUEST_ID, PROFILE_KEY, SESSION_KEY),
            is_extra=True,
        ),
    )
}
BROWSING = tuple(each for each in EVENT_TYPES.values() if each.is_browsing)
VALUES = tuple(dict.fromkeys(value for each in EVENT_TYPES.values() for value in each.values))


def product_keys_of(body: Mapping[str, Any], *without: Value) -> list[str]:
    """Return the product keys in the body of a call, each once, in order; not those of the values in `without`."""
    named = [body[value.api] for value in VALUES if value.is_product and value.api in body and value not in without]
    return list(dict.fromkeys(key for one in named for key in (one if isinstance(one, list) else [one])))
