"""The interfaces through which the core reports metrics and traces, and null objects that ignore them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox, NewDelivery, Settlement, StoreResult

NO_HEADERS: AbstractContextManager[Mapping[str, str]] = nullcontext({})


class Meter(Protocol):
    """Records counts and durations. Its methods never raise."""

    def accepted(self, platform: str, shop: str, result: str) -> None:
        """Count a webhook that is answered with 200."""

    def stored(self, arrivals: Sequence[NewDelivery], results: Sequence[StoreResult]) -> None:
        """Count webhooks immediately after their commit."""

    def answered(self, seconds: float) -> None:
        """Record how long it took from a webhook's head until it was stored."""

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Count a webhook that was not stored."""

    def committed(self, seconds: float) -> None:
        """Record how long a commit took, including the wait for the disk."""

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Count the outcome of a delivery and of its call, if any; `now` is in milliseconds since 1970 UTC."""


class NullMeter:
    """Records nothing."""

    def accepted(self, platform: str, shop: str, result: str) -> None:
        """Do nothing."""

    def stored(self, arrivals: Sequence[NewDelivery], results: Sequence[StoreResult]) -> None:
        """Do nothing."""

    def answered(self, seconds: float) -> None:
        """Do nothing."""

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Do nothing."""

    def committed(self, seconds: float) -> None:
        """Do nothing."""

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Do nothing."""


class Tracer(Protocol):
    """Traces a webhook from its arrival to the outcome of its call. Its methods never raise."""

    def webhook(self, shop: Shop, topic: str) -> AbstractContextManager[Mapping[str, str]]:
        """Trace the block that stores a webhook; gives the headers to store with it."""

    def settled(self, inbox: Inbox, settlements: Sequence[Settlement], now: int) -> None:
        """Trace the outcomes of deliveries; `now` is in milliseconds since 1970 UTC."""

    def start(self) -> None:
        """Start sending traces; called once the process may start threads."""

    def close(self) -> None:
        """Send the remaining traces."""


class NullTracer:
    """Traces nothing."""

    def webhook(self, shop: Shop, topic: str) -> AbstractContextManager[Mapping[str, str]]:  # noqa: ARG002
        """Return no headers."""
        return NO_HEADERS

    def settled(self, inbox: Inbox, settlements: Sequence[Settlement], now: int) -> None:
        """Do nothing."""

    def start(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
