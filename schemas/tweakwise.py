"""Bodies of the Tweakwise Analytics API, written and validated: https://docs.tweakwise.com (Analytics API)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, validate

from schemas.base import PlainSchema

LONGEST_PROFILE_KEY = 128
# Letters, digits and hyphens: https://docs.tweakwise.com (Analytics API, sessionstart).
SESSION_KEY = r"[A-Za-z0-9-]{1,128}"

FILLED = validate.Length(min=1)


class Quantity(fields.Field[Decimal]):
    """A number of products: a whole number where it is one."""

    def _serialize(self, value: Any, *_args: Any, **_kwargs: Any) -> int | float:
        return int(value) if value == int(value) else float(value)

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Not a valid number.")
        return Decimal(value)


def _product_key() -> fields.String:
    return fields.String(data_key="ProductKey", required=True, validate=FILLED)


def _profile_key() -> fields.String:
    validator = validate.Length(min=1, max=LONGEST_PROFILE_KEY)
    return fields.String(data_key="ProfileKey", required=True, validate=validator)


def _session_key(*, required: bool = False) -> fields.String:
    validator = validate.Regexp(rf"{SESSION_KEY}\Z")
    return fields.String(data_key="SessionKey", required=required, validate=validator)


class Body(PlainSchema):
    """The JSON object of one kind of call. Decimals become JSON numbers here and not before."""

    def write(self, **values: Any) -> dict[str, Any]:
        """Return the body with these values, without those that are None.

        Raises marshmallow's ValidationError where the API would refuse the body, and TypeError for an unknown value.
        """
        if unknown := values.keys() - self.dump_fields.keys():
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        body: dict[str, Any] = self.dump({name: value for name, value in values.items() if value is not None})
        self.load(body)  # dump() does not validate
        return body


class PurchaseBody(Body):
    """POST /api/purchase: `revenue` is the sum of product prices after discounts and before taxes."""

    product_keys = fields.List(fields.String(validate=FILLED), data_key="ProductKeys", required=True, validate=FILLED)
    profile_key = _profile_key()
    revenue = fields.Float(data_key="Revenue", validate=validate.Range(min=0))
    session_key = _session_key()


class SearchBody(Body):
    """POST /api/search: when a results page is shown, never for suggestions while typing."""

    search_term = fields.String(data_key="SearchTerm", required=True, validate=FILLED)
    profile_key = _profile_key()
    session_key = _session_key()


class PageviewBody(Body):
    """POST /api/pageview: a product page."""

    product_key = _product_key()
    profile_key = _profile_key()
    session_key = _session_key()


class AddToCartBody(Body):
    """POST /api/addtocart: `total_amount` is the price of all that was added."""

    product_key = _product_key()
    quantity = Quantity(data_key="Quantity", required=True, validate=validate.Range(min=0, min_inclusive=False))
    total_amount = fields.Float(data_key="TotalAmount", validate=validate.Range(min=0))
    profile_key = _profile_key()
    session_key = _session_key()


class SessionStartBody(Body):
    """POST /api/sessionstart: the first event of a visit."""

    profile_key = _profile_key()
    session_key = _session_key(required=True)


# By the last part of the URL that the body is posted to, which is also the event's name in calls.
BODIES: dict[str, Body] = {
    "purchase": PurchaseBody(),
    "search": SearchBody(),
    "pageview": PageviewBody(),
    "addtocart": AddToCartBody(),
    "sessionstart": SessionStartBody(),
}
