"""Selects deliveries by number or by common properties."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import exists, or_, select

from webhook_app.inbox import orders
from webhook_app.inbox.tables import bodies, deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import ColumnElement

    from webhook_app.inbox.delivery import Row


HAS_BODY = exists(select(bodies.c.delivery_id).where(bodies.c.delivery_id == deliveries.c.id))


class DeliveryConditions(Protocol):
    """A filter over deliveries, as far as SQL can apply it."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row of `deliveries` must meet, all of them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over deliveries; an empty field filters nothing.

    `reason_prefixes` lists what the reason may start with; `since` (included) and `until` (excluded) limit when a
    delivery was received, in milliseconds since 1970 UTC. `order` is the id, number or name of an order.
    """

    ids: tuple[int, ...] = ()
    shop: str | None = None
    topic: str | None = None
    states: tuple[str, ...] = ()
    reason: str | None = None
    reason_prefixes: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    order: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that a row of `deliveries` must meet, all of them."""
        row = deliveries.c
        filters: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
            (self.ids, row.id.in_),
            (self.shop, row.shop.__eq__),
            (self.topic, row.topic.__eq__),
            (self.states, row.state.in_),
            (self.reason, row.reason.__eq__),
            (self.reason_prefixes, _starts_with),
            (self.since, row.received_at.__ge__),
            (self.until, row.received_at.__lt__),
            (self.order, orders.is_about),
        ]
        return [condition(value) for value, condition in filters if value not in (None, ())]

    def without_outcome(self) -> Selection:
        """Return the same filter without state, reason and order, which change or become known."""
        return replace(self, states=(), reason=None, reason_prefixes=(), order=None)

    def fits_outcome(self, row: Row) -> bool:
        """Return whether the state, reason and order of `row` pass this filter."""
        right_state = not self.states or row.state in self.states
        right_reason = self.reason in (None, row.reason)
        right_prefix = not self.reason_prefixes or row.reason.startswith(self.reason_prefixes)
        right_order = self.order is None or orders.row_is_about(row, self.order)
        return right_state and right_reason and right_prefix and right_order


def _starts_with(reason_prefixes: Iterable[str]) -> ColumnElement[bool]:
    return or_(*(deliveries.c.reason.startswith(text, autoescape=True) for text in reason_prefixes))


ALL_DELIVERIES = Selection()
