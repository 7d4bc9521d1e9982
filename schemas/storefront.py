"""What storefronts send while a visitor browses: one flat JSON object, the same whichever platform signs it.

`term` of a search; `product_id` and perhaps `variant_id` and `sku` of a product; with each of them, as far as known,
`profile_key`, `session_key`, `customer_id`, `user_agent`, `locale` and `currency`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import validate

from schemas.base import PlatformSchema, present
from schemas.events import AddToCart, Ignored, Line, Pageview, Reason, Search, SessionStart, Visitor
from schemas.fields import Id, Label, Money, Text
from schemas.tweakwise import SESSION_KEY

if TYPE_CHECKING:
    from schemas.events import Translation

LONGEST_TERM = 500


class StorefrontSchema(PlatformSchema):
    """Who browses."""

    profile_key = Text(load_default=None, allow_none=True)
    session_key = Text(load_default=None, allow_none=True)
    customer_id = Id(load_default=None, allow_none=True)
    user_agent = Text(load_default=None, allow_none=True)
    locale = Text(load_default=None, allow_none=True)
    currency = Text(load_default=None, allow_none=True)

    def visitor(self, loaded: dict[str, Any]) -> Visitor:
        """Return who it was."""
        return Visitor(
            customer_id=loaded["customer_id"],
            profile_key=_said(loaded["profile_key"]),
            session_key=_said(loaded["session_key"]),
            user_agent=_said(loaded["user_agent"]),
        )

    def own_fields(self, loaded: dict[str, Any]) -> dict[str, str]:
        """Return the template fields that are not the product's."""
        return present(locale=loaded["locale"], currency=loaded["currency"])


def _said(text: str | None) -> str | None:
    return (text or "").strip() or None


class SearchSchema(StorefrontSchema):
    """A results page that was shown."""

    term = Text(required=True, validate=validate.Length(max=LONGEST_TERM))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Search, the term as typed; nothing was searched for when it is empty."""
        term = loaded["term"].strip()
        if not term:
            return Ignored(Reason.NO_TERM, "The search term is empty.")
        return Search(term, self.visitor(loaded))


class ProductSchema(StorefrontSchema):
    """A product; without variants it is its own variant."""

    product_id = Id(required=True)
    variant_id = Id(load_default=None, allow_none=True)
    sku = Label(load_default=None, allow_none=True)

    def line(self, loaded: dict[str, Any]) -> Line:
        """Return what a product key can be made of."""
        product, variant = loaded["product_id"], loaded["variant_id"]
        return Line(present(product_id=product, variant_id=variant or product, sku=loaded["sku"]))


class PageviewSchema(ProductSchema):
    """A product page that was shown."""

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Pageview."""
        return Pageview(self.line(loaded), self.visitor(loaded), self.own_fields(loaded))


class AddToCartSchema(ProductSchema):
    """A product that was put into the cart; `amount` is the price of all of it."""

    quantity = Money(load_default=Decimal(1), validate=validate.Range(min=0, min_inclusive=False))
    amount = Money(load_default=None, allow_none=True, validate=validate.Range(min=0))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return an AddToCart."""
        line, visitor, own = self.line(loaded), self.visitor(loaded), self.own_fields(loaded)
        return AddToCart(line, loaded["quantity"], loaded["amount"], visitor, own)


class SessionStartSchema(StorefrontSchema):
    """A visit that begins."""

    session_key = Text(required=True, validate=validate.Regexp(rf"{SESSION_KEY}\Z"))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a SessionStart."""
        return SessionStart(self.visitor(loaded))
