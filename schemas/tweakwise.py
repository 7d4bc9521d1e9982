"""Bodies of the Tweakwise Analytics API, validated: https://docs.tweakwise.com (Analytics API)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import fields, validate

from schemas.base import PlainSchema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

LONGEST_PROFILE_KEY = 128
# Letters, digits and hyphens, says https://docs.tweakwise.com (Analytics API, sessionstart).
SESSION_KEY = r"[A-Za-z0-9-]{1,128}"

_KEY = validate.Length(min=1)
_PROFILE = validate.Length(min=1, max=LONGEST_PROFILE_KEY)


def _session(*, required: bool = False) -> fields.String:
    return fields.String(required=required, validate=validate.Regexp(rf"{SESSION_KEY}\Z"))


class PurchaseBody(PlainSchema):
    """POST /api/purchase: `Revenue` is the sum of product prices after discounts and before taxes."""

    ProductKeys = fields.List(fields.String(validate=_KEY), required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)
    Revenue = fields.Float(validate=validate.Range(min=0))
    SessionKey = _session()


class SearchBody(PlainSchema):
    """POST /api/search: when a results page is shown, never for suggestions while typing."""

    SearchTerm = fields.String(required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)
    SessionKey = _session()


class PageviewBody(PlainSchema):
    """POST /api/pageview: a product page."""

    ProductKey = fields.String(required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)
    SessionKey = _session()


class AddToCartBody(PlainSchema):
    """POST /api/addtocart: `TotalAmount` is the price of all that was added."""

    ProductKey = fields.String(required=True, validate=_KEY)
    Quantity = fields.Raw(required=True, validate=validate.Range(min=0, min_inclusive=False))
    TotalAmount = fields.Float(validate=validate.Range(min=0))
    ProfileKey = fields.String(required=True, validate=_PROFILE)
    SessionKey = _session()


class SessionStartBody(PlainSchema):
    """POST /api/sessionstart: the first event of a visit."""

    ProfileKey = fields.String(required=True, validate=_PROFILE)
    SessionKey = _session(required=True)


_PURCHASE, _SEARCH, _PAGEVIEW = PurchaseBody(), SearchBody(), PageviewBody()
_ADD_TO_CART, _SESSION_START = AddToCartBody(), SessionStartBody()


def purchase(product_keys: list[str], who: Mapping[str, str], revenue: Decimal | None) -> dict[str, Any]:
    """Write the body of a purchase; the Decimal becomes a JSON number here and not before."""
    body: dict[str, Any] = {"ProductKeys": product_keys, **who}
    return _validated(_PURCHASE, body if revenue is None else {**body, "Revenue": float(revenue)})


def search(term: str, who: Mapping[str, str]) -> dict[str, Any]:
    """Write the body of a search; `who` are `ProfileKey` and perhaps `SessionKey`, as below."""
    return _validated(_SEARCH, {"SearchTerm": term, **who})


def pageview(product_key: str, who: Mapping[str, str]) -> dict[str, Any]:
    """Write the body of a product view."""
    return _validated(_PAGEVIEW, {"ProductKey": product_key, **who})


def add_to_cart(product_key: str, quantity: Decimal, amount: Decimal | None, who: Mapping[str, str]) -> dict[str, Any]:
    """Write the body of a product put into the cart; Decimals become JSON numbers here and not before."""
    total = {} if amount is None else {"TotalAmount": float(amount)}
    many = int(quantity) if quantity == int(quantity) else float(quantity)
    return _validated(_ADD_TO_CART, {"ProductKey": product_key, "Quantity": many, **total, **who})


def session_start(who: Mapping[str, str]) -> dict[str, Any]:
    """Write the body of a visit that begins; `who` has a `SessionKey`."""
    return _validated(_SESSION_START, dict(who))


def _validated(schema: PlainSchema, body: dict[str, Any]) -> dict[str, Any]:
    return schema.load(body)
