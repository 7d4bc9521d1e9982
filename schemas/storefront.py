"""Browsing events of storefronts: one flat JSON object, the same for every platform that signs it.

A search has `term`, a product `product_id` and optionally `variant_id` and `sku`; each has, as far as known,
`profile_key`, `session_key`, `customer_id`, `user_agent`, `locale` and `currency`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import validate

from schemas.base import PlatformSchema, Shape, present
from schemas.events import AddToCart, Ignored, Line, Pageview, Reason, Search, SessionStart, Visitor
from schemas.fields import Id, Label, Money, Text
from schemas.tweakwise import LONGEST_PROFILE_KEY, SESSION_KEY

if TYPE_CHECKING:
    from schemas.events import Translation

LONGEST_TERM = 500
LONGEST_USER_AGENT = 1000
LONGEST_KEY = LONGEST_PROFILE_KEY + 1  # a longer one is refused for its length, whatever follows
# Orders, products and hooks have these, browsing events never; the others distinguish browsing events.
NOT_BROWSING = frozenset({"action", "code", "id", "line_items", "shop_domain"})
SEARCH_FIELDS, PRODUCT_FIELDS, CART_FIELDS = (
    frozenset({"term"}),
    frozenset({"product_id", "variant_id"}),
    frozenset({"amount", "quantity"}),
)


class StorefrontSchema(PlatformSchema):
    """The visitor of a browsing event."""

    profile_key = Text(load_default=None, longest=LONGEST_KEY, cut=True)
    session_key = Text(load_default=None, longest=LONGEST_KEY, cut=True)
    customer_id = Id(load_default=None)
    user_agent = Text(load_default=None, longest=LONGEST_USER_AGENT, cut=True)
    locale = Text(load_default=None)
    currency = Text(load_default=None)

    def visitor(self, loaded: dict[str, Any]) -> Visitor:
        """Return the visitor."""
        return Visitor(
            customer_id=loaded["customer_id"],
            profile_key=_stripped(loaded["profile_key"]),
            session_key=_stripped(loaded["session_key"]),
            user_agent=_stripped(loaded["user_agent"]),
        )

    def own_fields(self, loaded: dict[str, Any]) -> dict[str, str]:
        """Return the values for the product key template that do not depend on the product."""
        return present(locale=loaded["locale"], currency=loaded["currency"])


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


class SearchSchema(StorefrontSchema):
    """A page of search results was shown."""

    shape = Shape(none_of=NOT_BROWSING | PRODUCT_FIELDS | CART_FIELDS)
    term = Text(required=True, validate=validate.Length(max=LONGEST_TERM))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Search with the term as typed, or the reason that it is empty."""
        term = loaded["term"].strip()
        if not term:
            return Ignored(Reason.NO_TERM, "The search term is empty.")
        return Search(term, self.visitor(loaded))


class ProductSchema(StorefrontSchema):
    """A product; one without variants is its own variant."""

    product_id = Id(required=True)
    variant_id = Id(load_default=None, odd="")
    sku = Label(load_default=None)

    def line(self, loaded: dict[str, Any]) -> Line:
        """Return the product's values for the product key template."""
        product, variant = loaded["product_id"], loaded["variant_id"]
        return Line(present(product_id=product, variant_id=product if variant is None else variant, sku=loaded["sku"]))


class PageviewSchema(ProductSchema):
    """A product page was shown."""

    shape = Shape(none_of=NOT_BROWSING | SEARCH_FIELDS | CART_FIELDS)

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Pageview."""
        return Pageview(self.line(loaded), self.visitor(loaded), self.own_fields(loaded))


class AddToCartSchema(ProductSchema):
    """A product was put into the cart; `amount` is the price of all of `quantity`."""

    shape = Shape(any_of=CART_FIELDS, none_of=NOT_BROWSING | SEARCH_FIELDS)
    quantity = Money(load_default=Decimal(1), validate=validate.Range(min=0, min_inclusive=False), strict=True)
    amount = Money(load_default=None, validate=validate.Range(min=0))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return an AddToCart."""
        line, visitor, own = self.line(loaded), self.visitor(loaded), self.own_fields(loaded)
        return AddToCart(line, loaded["quantity"], loaded["amount"], visitor, own)


class SessionStartSchema(StorefrontSchema):
    """A visit began."""

    shape = Shape(none_of=NOT_BROWSING | SEARCH_FIELDS | PRODUCT_FIELDS | CART_FIELDS)
    session_key = Text(required=True, validate=validate.Regexp(rf"{SESSION_KEY}\Z"))

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a SessionStart."""
        return SessionStart(self.visitor(loaded))
