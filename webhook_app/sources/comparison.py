"""Compares a page of a platform's orders with the inbox: what was counted or ignored, waits, is dead, or is missing.

An order is settled only if a delivery was counted or ignored for its present state at the platform. One that would
count now and was never sent is missing, although its id is known: it arrived as pending, and its payment was not
reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from schemas.events import Ignored, Reason
from webhook_app.inbox import NewDelivery
from webhook_app.inbox.shop_records import platform_orders
from webhook_app.inbox.shop_records.platform_orders import KnownOrder, PlatformOrder
from webhook_app.platforms.base import BACKFILL
from webhook_app.translation.translate import Payload, translate
from webhook_app.tweakwise.call import Call, purchase_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform
    from webhook_app.sources.base import ListedOrder
    from webhook_app.translation.translate import AgeLimits, Decision

UNREADABLE = "unreadable"
BY_HAND = frozenset({Reason.DROPPED, Reason.REDACTED})  # a person decided that the order is not sent


class Outcome(StrEnum):
    """What the inbox has about the present state of a listed order."""

    DELIVERED = "delivered"
    IGNORED = "ignored"
    WAITING = "waiting"
    DEAD = "dead"
    MISSING = "missing"


class Compared(NamedTuple):
    """A listed order and what became of it; `reason` is why it is no purchase as it is now, "" if it is one.

    `stored` is what is to be stored of it, None where that is known.
    """

    order: ListedOrder
    outcome: Outcome
    reason: str
    is_known: bool
    stored: PlatformOrder | None = None

    def is_recent(self, before: int) -> bool:
        """Whether a webhook may be under way: it was placed, or an order that is known changed, after `before`."""
        return (self.order.changed if self.is_known else self.order.placed_at) > before


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing needs, for one shop."""

    inbox: Inbox
    shop: Shop
    platforms: Mapping[str, Platform]
    ages: AgeLimits

    @property
    def platform(self) -> Platform:
        """The shop's platform."""
        return self.platforms[self.shop.platform]

    def compare(self, orders: Sequence[ListedOrder]) -> list[Compared]:
        """Compare each order. Raises StoreUnavailableError."""
        orders = list({one.id: one for one in orders}.values())
        identities = {purchase_key(one.id): one.identity for one in orders}
        # Most are as they were. Looking at them more closely, and translating them again, would take most of the time.
        before = platform_orders.settled(self.inbox, self.shop.name, identities)
        others = {key: identity for key, identity in identities.items() if key not in before}
        known = platform_orders.known(self.inbox, self.shop.name, others)
        now = self.inbox.clock()
        return [
            Compared(one, Outcome.DELIVERED, before[key], is_known=True)
            if key in before
            else self._compared(one, known.get(key), now)
            for one, key in zip(orders, identities, strict=True)
        ]

    def delivery(self, order: ListedOrder) -> NewDelivery:
        """Return the delivery that stands for the state of an order.

        It names no address: its key is then the one of the order's webhooks, whatever address they name.
        """
        return NewDelivery(self.shop.name, self.platform.name, BACKFILL, order.identity, "", {}, self._body(order))

    def _compared(self, order: ListedOrder, known: KnownOrder | None, now: int) -> Compared:
        decision = self._decision(order, now)
        reason = _reason(decision)
        outcome = _outcome(order, known, reason)
        body = decision.body if isinstance(decision, Call) else {}
        amount = body.get("Revenue")
        stored = PlatformOrder(
            shop=self.shop.name,
            business_key=purchase_key(order.id),
            name=order.name,
            placed_at=order.placed_at,
            identity=order.identity,
            reason=reason,
            amount=None if amount is None else str(amount),
            currency=order.currency,
            seen_at=now,
        )
        return Compared(order, outcome, reason, known is not None, stored)

    def _body(self, order: ListedOrder) -> bytes:
        return self.shop.drop_fields.removed_from(order.body)

    def _decision(self, order: ListedOrder, now: int) -> Decision:
        payload = Payload(0, BACKFILL, now, self._body(order))
        return translate(payload, self.shop, self.platform, self.ages, datetime.fromtimestamp(now / 1000, UTC))


def _reason(decision: Decision) -> str:
    if isinstance(decision, Call):
        return ""
    return str(decision.reason) if isinstance(decision, Ignored) else UNREADABLE


def _outcome(order: ListedOrder, known: KnownOrder | None, reason: str) -> Outcome:
    if known is None:
        # Tweakwise takes no date: it would count today. Fetching it would only store it.
        return Outcome.IGNORED if reason == Reason.TOO_OLD else Outcome.MISSING
    if known.delivered:
        return Outcome.DELIVERED
    if known.waiting:
        return Outcome.WAITING
    if known.dead:
        return Outcome.DEAD
    is_decided = order.identity in known.reasons or not BY_HAND.isdisjoint(known.reasons.values())
    return Outcome.IGNORED if reason or is_decided else Outcome.MISSING
