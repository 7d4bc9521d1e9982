"""Bodies of the Tweakwise Analytics API, validated: https://docs.tweakwise.com (Analytics API)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

if TYPE_CHECKING:
    from decimal import Decimal

LONGEST_PROFILE_KEY = 128

_KEY = validate.Length(min=1)
_PROFILE = validate.Length(min=1, max=LONGEST_PROFILE_KEY)


class PurchaseBody(Schema):
    """POST /api/purchase: `Revenue` is the sum of product prices after discounts and before taxes."""

    ProductKeys = fields.List(fields.String(validate=_KEY), required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)
    Revenue = fields.Float(validate=validate.Range(min=0))


class SearchBody(Schema):
    """POST /api/search: when a results page is shown, never for suggestions while typing."""

    SearchTerm = fields.String(required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)


class PageviewBody(Schema):
    """POST /api/pageview: a product page."""

    ProductKey = fields.String(required=True, validate=_KEY)
    ProfileKey = fields.String(required=True, validate=_PROFILE)


_PURCHASE, _SEARCH, _PAGEVIEW = PurchaseBody(), SearchBody(), PageviewBody()


def purchase(product_keys: list[str], profile_key: str, revenue: Decimal | None) -> dict[str, Any]:
    """Write the body of a purchase; the Decimal becomes a JSON number here and not before."""
    body: dict[str, Any] = {"ProductKeys": product_keys, "ProfileKey": profile_key}
    return _validated(_PURCHASE, body if revenue is None else {**body, "Revenue": float(revenue)})


def search(term: str, profile_key: str) -> dict[str, Any]:
    """Write the body of a search."""
    return _validated(_SEARCH, {"SearchTerm": term, "ProfileKey": profile_key})


def pageview(product_key: str, profile_key: str) -> dict[str, Any]:
    """Write the body of a product view."""
    return _validated(_PAGEVIEW, {"ProductKey": product_key, "ProfileKey": profile_key})


def _validated(schema: Schema, body: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = schema.load(body)
    return loaded
