"""The events that payloads are translated to: the hub between every platform and Tweakwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Self

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
    WRONG_TOPIC = "wrong_topic", "Payload of another topic"
    OTHER_SHOP = "other_shop", "From another shop's address"
    NOT_AN_ORDER = "not_an_order", "Not an order"
    PLATFORM_ERROR = "platform_error", "Error message from the platform"
    TEST_ORDER = "test_order", "Test order"
    TEST_EVENT = "test_event", "Test event"
    DRAFT = "draft", "Draft order"
    SUB_ORDER = "sub_order", "Part of another order"
    QUOTE = "quote", "Quote request"
    EXCLUDED_STATUS = "excluded_status", "Status excluded by the shop"
    RENEWAL = "renewal", "Subscription renewal"
    NOT_A_VISITOR = "not_a_visitor", "Not ordered by a visitor"
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
    NO_KEY = "no_key", "No key from the storefront"
    NO_CONSENT = "no_consent", "No consent"
    PERSONAL_DATA = "personal_data", "Personal data in a key"
    BAD_PROFILE_KEY = "bad_profile_key", "Invalid profile key"
    ALREADY_COUNTED = "already_counted", "Order already counted"
    REPEATED = "repeated", "Repeated within seconds"
    BOT = "bot", "Bot or crawler"
    NO_TERM = "no_term", "Empty search term"
    CHECKOUT_REPORT = "checkout_report", "Report of a checkout"
    SWITCHED_OFF = "switched_off", "Event switched off"
    UNREADABLE = "unreadable", "Unreadable payload"
    EXPIRED = "expired", "Too old to send"
    DROPPED = "dropped", "Discarded manually"
    REDACTED = "redacted", "Personal data erased"
    DATA_REQUEST = "data_request", "Customer data request"


@dataclass(frozen=True, slots=True)
class Ignored:
    """The reason why no call is made of a payload; `detail` is a sentence without personal data."""

    reason: Reason
    detail: str


class Payment(IntEnum):
    """The status of an order's payment; a shop's `purchase_on` is the first one that counts as a purchase."""

    PLACED = 2
    PAID = 3


class Channel(StrEnum):
    """Where orders come from that no visitor of the storefront placed; a shop's `channels` are those that count."""

    POS = "pos"
    B2B = "b2b"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Line:
    """One order line with a product.

    `fields` are the values that a product key template may use (`product_id`, `variant_id`, `sku`), where present.
    A part of a bundle has the bundle's line as `container`; it stands in where that gives no product key.
    """

    fields: Mapping[str, str]
    container: Line | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor who caused an event, as far as the payload identifies them.

    `attributes` were written into an order by the storefront; `customer_id` is the shop's id of the customer. Events of
    a storefront have `profile_key`, `session_key` and the browser's `user_agent` instead of attributes, and a
    `key_field`, which carries the key. `is_internal` marks an employee or a test, whose calls are labelled as such.
    """

    attributes: Mapping[str, str] = field(default_factory=dict)
    customer_id: str | None = None
    profile_key: str | None = None
    session_key: str | None = None
    user_agent: str | None = None
    is_internal: bool = False
    key_field: str = ""


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order.

    `revenue` is the sum of product prices after discounts and before taxes, in the order's currency, None if unknown.
    `created_at` is aware, in UTC, None if unknown: the order then counts as new. `fields` are values for the product
    key template that belong to the whole order. `status` is the platform's word for it, in lower case. `paid_at` is the
    time of the payment, where it is known; `just_paid` marks an order that this delivery reports as paid. `channel` is
    where an order came from that no visitor of the storefront placed (None otherwise), `is_renewal` that a subscription
    made it, `is_test` that it is for trying out. `remark` is a sentence about what was odd. `checkout_token` is the
    platform's secret name of the checkout, where the storefront knows it too.
    """

    order_id: str
    created_at: datetime | None
    payment: Payment
    visitor: Visitor
    lines: tuple[Line, ...]
    revenue: Decimal | None
    fields: Mapping[str, str] = field(default_factory=dict)
    status: str = ""
    paid_at: datetime | None = None
    just_paid: bool = False
    channel: Channel | None = None
    is_renewal: bool = False
    is_test: bool = False
    remark: str = ""
    checkout_token: str = ""


@dataclass(frozen=True, slots=True)
class Browsing:
    """What a visitor did on the shop's pages; `type` is the name of an entry in schemas/event_types.py.

    `values` are those of the call, by their names in that table, apart from the visitor's and the product's. `line` is
    the product, None where the event is not about one; `fields` are further values for the product key template.
    """

    type: str
    visitor: Visitor
    values: Mapping[str, Any] = field(default_factory=dict)
    line: Line | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckoutReport:
    """What a storefront reports of a checkout that was completed: the visitor's key, None where they refused.

    Anyone can report any order; only the visitor knows the token of its checkout.
    """

    order_id: str
    token: str
    profile_key: str | None


@dataclass(frozen=True, slots=True)
class Redaction:
    """A request to erase the data of one customer, or of the whole shop when only `domain` is given.

    `personal` are the e-mail addresses and phone numbers that identify the customer in stored payloads.
    """

    domain: str
    customer_id: str | None = None
    order_ids: frozenset[str] = frozenset()
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A request to report the stored data of one customer."""

    subject: Redaction


Event = Purchase | Browsing
Translation = Event | CheckoutReport | Redaction | DataRequest | Ignored
