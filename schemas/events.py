"""What a payload can mean: the hub between every platform's words and Tweakwise's."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal


class Reason(StrEnum):
    """Why a delivery was not sent as an event: its code and a label for humans. docs/reasons.md describes every one."""

    label: str

    def __new__(cls, code: str, label: str) -> Self:
        """Make the member whose value is `code`."""
        member = str.__new__(cls, code)
        member._value_, member.label = code, label
        return member

    UNMAPPED_TOPIC = "unmapped_topic", "Topic without an event"
    NOT_AN_ORDER = "not_an_order", "Not an order"
    PLATFORM_ERROR = "platform_error", "Error message from the platform"
    TEST_ORDER = "test_order", "Test order"
    TEST_EVENT = "test_event", "Test event"
    DRAFT = "draft", "Draft order"
    PENDING = "pending", "Payment pending"
    NOT_PAID = "not_paid", "Not paid yet"
    FAILED = "failed", "Payment failed"
    CANCELLED = "cancelled", "Order cancelled"
    VOIDED = "voided", "Payment voided"
    REFUNDED = "refunded", "Order refunded"
    DELETED = "deleted", "Order deleted"
    TOO_OLD = "too_old", "Order too old"
    NO_PRODUCT = "no_product", "No product key"
    NO_PROFILE = "no_profile", "No profile key"
    NO_CONSENT = "no_consent", "No consent"
    PERSONAL_DATA = "personal_data", "Personal data in a key"
    BAD_PROFILE_KEY = "bad_profile_key", "Invalid profile key"
    ALREADY_COUNTED = "already_counted", "Order already counted"
    REPEATED = "repeated", "Repeated within seconds"
    BOT = "bot", "Bot or crawler"
    NO_TERM = "no_term", "Empty search term"
    SWITCHED_OFF = "switched_off", "Event switched off"
    UNREADABLE = "unreadable", "Unreadable payload"
    EXPIRED = "expired", "Too old to send"
    DROPPED = "dropped", "Discarded manually"
    REDACTED = "redacted", "Personal data erased"
    DATA_REQUEST = "data_request", "Customer data request"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A payload that becomes no call, and why; `detail` is a sentence without personal data."""

    reason: Reason
    detail: str


class Payment(IntEnum):
    """How far an order has come; a shop's `purchase_on` names the first rung that counts."""

    PENDING = 1
    PLACED = 2
    PAID = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One order line with a product.

    `fields` are what a product-key template may name (`product_id`, `variant_id`, `sku`), only those present;
    `part_of_bundle` lines carry money but are no products of their own.
    """

    fields: Mapping[str, str]
    part_of_bundle: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who did it, as far as the payload says.

    `attributes` are what the storefront wrote into an order, `customer_id` is the shop's own; a storefront's event says
    its `profile_key` and perhaps `session_key` by themselves, and the browser's `user_agent`.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    customer_id: str | None = None
    profile_key: str | None = None
    session_key: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order.

    `revenue` is the sum of product prices after discount and before tax, in the order's currency, None when the
    payload does not say; `created_at` is aware, UTC, None when the payload does not say: then it is new; `fields` are
    the order's own template fields.
    """

    order_id: str
    created_at: datetime | None
    payment: Payment
    visitor: Visitor
    lines: tuple[Line, ...]
    revenue: Decimal | None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """A results page shown for a term, as typed."""

    term: str
    visitor: Visitor


@dataclass(frozen=True, slots=True)
class Pageview:
    """A product page shown."""

    line: Line
    visitor: Visitor
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddToCart:
    """A product put into the cart; `amount` is what all of `quantity` cost, None when not said."""

    line: Line
    quantity: Decimal
    amount: Decimal | None
    visitor: Visitor
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SessionStart:
    """A visit that begins; its key is the visitor's `session_key`."""

    visitor: Visitor


@dataclass(frozen=True, slots=True)
class Redaction:
    """A duty to wipe what is held of one customer, or of the whole shop when `domain` stands alone.

    `personal` are the e-mail addresses and phone numbers that identify the customer in stored payloads.
    """

    domain: str
    customer_id: str | None = None
    order_ids: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A duty to tell what is held of one customer."""

    subject: Redaction


Browsing = Search | Pageview | AddToCart | SessionStart
ExtraEvent = AddToCart | SessionStart  # sent only for shops with extra_events
Event = Purchase | Browsing
Translation = Event | Redaction | DataRequest | Ignored
