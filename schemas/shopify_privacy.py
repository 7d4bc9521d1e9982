"""Shopify's compliance topics: https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields

from schemas.base import PlatformSchema, Shape
from schemas.contacts import names_a_person
from schemas.events import DataRequest, Redaction, Translation
from schemas.fields import Id, Label, Rows, Text

MOST_ORDERS = 10_000  # of one customer
DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class ShopDomain(Text):
    """The address of the shop whose data are meant. An empty one would mean those of every shop with the same app."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs).strip()
        if not DOMAIN.fullmatch(text):
            raise ValidationError("is not the address of a shop")
        return text


class Customer(PlatformSchema):
    """The customer of a privacy request."""

    id = Id(load_default=None)
    email = Label(load_default=None)
    phone = Label(load_default=None)


class RedactSchema(PlatformSchema):
    """A request to erase a customer (customers/redact): https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain", "customer", "orders_to_redact"}))
    shop_domain = ShopDomain(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_to_redact = Rows(Id(load_default=None), most=MOST_ORDERS, load_default=list, allow_none=True, strict=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to erase one customer."""
        return _subject(loaded, loaded["orders_to_redact"])


class DataRequestSchema(PlatformSchema):
    """A customer asks the merchant for their stored data (customers/data_request)."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain", "customer", "orders_requested", "data_request"}))
    shop_domain = ShopDomain(required=True)
    customer = fields.Nested(Customer, required=True)
    orders_requested = Rows(Id(load_default=None), most=MOST_ORDERS, load_default=list, allow_none=True, strict=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to report one customer's data."""
        return DataRequest(_subject(loaded, loaded["orders_requested"]))


class ShopRedactSchema(PlatformSchema):
    """A request to erase a shop (shop/redact), sent 48 hours after the app was uninstalled."""

    shape = Shape(exactly=frozenset({"shop_id", "shop_domain"}))
    shop_domain = ShopDomain(required=True)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the request to erase the shop."""
        return Redaction(domain=loaded["shop_domain"])


def _subject(loaded: dict[str, Any], order_ids: list[str | None] | None) -> Redaction:
    customer = loaded["customer"]
    orders = frozenset(order for order in order_ids or () if order)
    personal = frozenset(text for text in (customer["email"], customer["phone"]) if text and names_a_person(text))
    if not (customer["id"] or orders or personal):
        # A Redaction with only a domain means the whole shop, which this topic never does.
        raise ValidationError({"customer": ["identifies no customer: no id, email, phone or order"]})
    return Redaction(loaded["shop_domain"], customer["id"], orders, personal)
