"""Messages in the receiver's own format, for any other storefront: `{"type": ..., "data": {...}}`.

docs/standard.md is the contract, and the OpenAPI document is generated from these schemas. Fields may be added
to a type; a change that would break a sender needs a new type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from marshmallow import fields, validate

from schemas.base import MOST_LINES, PlatformSchema
from schemas.event_types import PRODUCT_KEY
from schemas.events import Payment, Purchase
from schemas.fields import Id, Label, Moment, Money, Rows
from schemas.order_reference import OrderFields
from schemas.storefront import StorefrontSchema, line_of

if TYPE_CHECKING:
    from schemas.events import Translation

ORDERS = OrderFields(marks=frozenset({"order_id"}), id="order_id", names=("order_number",), inside="data")


PurchaseLine = PlatformSchema.from_dict(
    {**PRODUCT_KEY.payload, "quantity": Money(load_default=None)}, name="PurchaseLine"
)


class PurchaseSchema(StorefrontSchema):
    """An order that counts as a purchase."""

    order_id = Id(required=True)
    order_number = Label(load_default=None)
    lines = Rows(fields.Nested(PurchaseLine), most=MOST_LINES, required=True)
    revenue = Money(load_default=None)
    created_at = Moment(load_default=None, strict=True)  # an edit must not count as new because its date is odd

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return a Purchase; the sender decides when to send it, so every one counts."""
        return Purchase(
            order_id=loaded["order_id"],
            created_at=loaded["created_at"],
            payment=Payment.PAID,
            visitor=self.visitor(loaded),
            lines=tuple(line_of(line) for line in loaded["lines"] if _is_bought(line)),
            revenue=loaded["revenue"],
            fields=self.own_fields(loaded),
        )


def _is_bought(line: dict[str, Any]) -> bool:
    return line["quantity"] is None or bool(line["quantity"] > 0)


class Message(PlatformSchema):
    """A message: the schema of `data` makes the event."""

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the event of `data`."""
        schema: PlatformSchema = self.fields["data"].schema  # type: ignore[attr-defined]
        return schema.to_event(loaded["data"])


def message(name: str, data: type[PlatformSchema]) -> Message:
    """Return the schema of a message of that `type`."""
    own = {
        "type": fields.String(required=True, validate=validate.Equal(name)),
        "data": fields.Nested(data, required=True),
    }
    return cast("Message", Message.from_dict(own, name=data.__name__.replace("Schema", "Message"))())
