"""What tests of the inbox put in and take out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhook_app.inbox import Delivery, Inbox, NewDelivery, Settlement
from webhook_app.throttling.state import Scope, ThrottleState
from webhook_app.tweakwise.call import Call

if TYPE_CHECKING:
    from webhook_app.inbox import State


def purchase(key: str) -> Call:
    return Call("purchase", key, {"ProductKeys": ["1"], "ProfileKey": "k"})


def view(key: str, within: float) -> Call:
    return Call("pageview", key, {"ProductKey": "1", "ProfileKey": "k"}, within=within)


def arrival(identity: str = "a", body: bytes = b"{}", **changed: Any) -> NewDelivery:
    values: dict[str, Any] = {
        "shop": "acme",
        "platform": "shopify",
        "topic": "orders/create",
        "identity": identity,
        "domain": "acme.example",
        "headers": {"x-shopify-topic": "orders/create"},
        "body": body,
    }
    return NewDelivery(**{**values, **changed})


def claim(inbox: Inbox, limit: int = 1) -> list[Delivery]:
    """Claim up to `limit` deliveries of every shop."""
    return inbox.claim({queue.shop: limit for queue in inbox.queues()})


def claim_one(inbox: Inbox) -> Delivery:
    [delivery] = claim(inbox)
    return delivery


def settle(inbox: Inbox, delivery: Delivery, state: State, **values: Any) -> bool:
    [settled] = inbox.settle([Settlement(delivery, state, **values)])
    return settled


def open_breaker(inbox: Inbox, shop: str) -> None:
    """Open the circuit breaker of a shop for minutes, because of its instance key."""

    def opened(_before: ThrottleState) -> tuple[ThrottleState, None]:
        return ThrottleState(Scope.shop(shop), reason="http_401", pauses=1, open_until=inbox.clock() + 240_000), None

    inbox.update_throttle(Scope.shop(shop), opened)


CALL = purchase("purchase:1")
