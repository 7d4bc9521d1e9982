"""Browsing events of storefronts: one flat JSON object, the same for every platform that signs it.

Which fields an event has is in schemas/event_types.py; each has, as far as known, `profile_key`, `session_key`,
`customer_id`, `user_agent`, `locale` and `currency`, and `internal` where an employee or a test caused it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from marshmallow import validate

from schemas.base import PlatformSchema, Shape, present
from schemas.call_fields import LONGEST_PROFILE_KEY, SESSION_KEY_PATTERN
from schemas.event_types import (
    BROWSING,
    PRODUCT_KEY,
    SESSION_KEY,
)
from schemas.events import Browsing, Line, Visitor
from schemas.fields import Id, Text
from schemas.tolerant import Flag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.event_types import EventType, Value
    from schemas.events import Translation

LONGEST_USER_AGENT = 1000
LONGEST_KEY = LONGEST_PROFILE_KEY + 1  # a longer one is refused for its length, whatever follows
# Orders, products and hooks have these, browsing events never; the marks of events distinguish browsing events.
NOT_BROWSING = frozenset({"action", "code", "id", "line_items", "shop_domain"})
MARKS = frozenset().union(*(event.marks for event in BROWSING))
NEEDED_SESSION = Text(required=True, numbers=True, validate=validate.Regexp(rf"{SESSION_KEY_PATTERN}\Z"))


class StorefrontSchema(PlatformSchema):
    """The visitor of an event."""

    profile_key = Text(load_default=None, longest=LONGEST_KEY, cut=True, numbers=True)
    session_key = Text(load_default=None, longest=LONGEST_KEY, cut=True, numbers=True)
    customer_id = Id(load_default=None)
    user_agent = Text(load_default=None, longest=LONGEST_USER_AGENT, cut=True)
    locale = Text(load_default=None)
    currency = Text(load_default=None)
    internal = Flag(load_default=False, odd=False)

    def visitor(self, loaded: dict[str, Any]) -> Visitor:
        """Return the visitor."""
        return Visitor(
            customer_id=loaded["customer_id"],
            profile_key=_stripped(loaded["profile_key"]),
            session_key=_stripped(loaded["session_key"]),
            user_agent=_stripped(loaded["user_agent"]),
            is_internal=bool(loaded["internal"]),
            key_field="profile_key",
        )

    def own_fields(self, loaded: dict[str, Any]) -> dict[str, str]:
        """Return the values for the product key template that do not depend on the product."""
        return present(locale=loaded["locale"], currency=loaded["currency"])


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


class BrowsingSchema(StorefrontSchema):
    """The payload of one event of the table."""

    event: ClassVar[EventType]
    given: ClassVar[tuple[tuple[Value, str, bool], ...]]  # values of the event's own, by field; whether that is a text

    def to_event(self, loaded: dict[str, Any]) -> Translation:
        """Return the event, or the reason that a text of it is empty."""
        values: dict[str, Any] = {}
        for value, name, is_text in self.given:
            values[value.name] = _stripped(loaded[name]) if is_text else loaded[name]
            if value.blank and values[value.name] is None:
                return value.blank
        line = line_of(loaded) if PRODUCT_KEY in self.event.values else None
        return Browsing(self.event.name, self.visitor(loaded), values, line, self.own_fields(loaded))


def line_of(loaded: Mapping[str, Any]) -> Line:
    """Return a product's values for the product key template; one without variants is its own variant."""
    product, variant = loaded["product_id"], loaded["variant_id"]
    return Line(present(product_id=product, variant_id=product if variant is None else variant, sku=loaded["sku"]))


def _schema(event: EventType) -> type[BrowsingSchema]:
    own = {name: field for value in event.values for name, field in value.payload.items()}
    if SESSION_KEY in event.required:
        own["session_key"] = NEEDED_SESSION
    made = cast("type[BrowsingSchema]", BrowsingSchema.from_dict(own, name=f"{event.title}Schema"))
    made.event, made.shape = event, _shape(event)
    made.given = tuple(
        (value, name, value.is_text) for value in event.values if value is not PRODUCT_KEY for name in value.payload
    )
    return made


def _shape(event: EventType) -> Shape:
    """Return what distinguishes its payloads: marks of other events, and its name where another has the same marks."""
    less = frozenset().union(*(other.marks for other in BROWSING if other.marks < event.marks))
    return Shape(
        any_of=event.marks - less if less else frozenset(),
        none_of=NOT_BROWSING | (MARKS - event.marks),
        event=event.name,
        names_event=is_ambiguous(event),
    )


def is_ambiguous(event: EventType) -> bool:
    """Return whether an earlier event has the same marks: a payload whose topic is not signed has to name its event."""
    return any(other.marks == event.marks for other in BROWSING[: BROWSING.index(event)])


SCHEMAS: Mapping[str, type[BrowsingSchema]] = {event.name: _schema(event) for event in BROWSING}
