"""What the pixel reports of a completed checkout: it gives the order the profile key where no cart carried one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import validate

from schemas.base import PlatformSchema
from schemas.events import CheckoutReport
from schemas.fields import Text
from schemas.shopify import PROXIED, GlobalId
from schemas.storefront import LONGEST_KEY

if TYPE_CHECKING:
    from schemas.events import Translation

LONGEST_TOKEN = 128
ORDER_ID = r"[0-9]{1,20}"
REFUSED = "no"


class CheckoutReportSchema(PlatformSchema):
    """A report of a checkout; `consent` is `no` where the visitor refused.

    https://shopify.dev/docs/api/web-pixels-api/standard-events/checkout_completed
    """

    shape = PROXIED
    order_id = GlobalId(required=True, validate=validate.Regexp(rf"{ORDER_ID}\Z"))
    checkout_token = Text(required=True, validate=validate.Length(min=1, max=LONGEST_TOKEN))
    profile_key = Text(load_default=None, longest=LONGEST_KEY, cut=True)
    consent = Text(load_default="")

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a CheckoutReport."""
        key = None if loaded["consent"] == REFUSED else (loaded["profile_key"] or "").strip()
        return CheckoutReport(loaded["order_id"], loaded["checkout_token"], key)
