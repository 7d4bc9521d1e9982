"""What the core reports to whoever measures and traces it: protocols, and null objects for when nobody does."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox, Settlement

NO_HEADERS: AbstractContextManager[Mapping[str, str]] = nullcontext({})


class Meter(Protocol):
    """Counts and times. No method raises anything of its own."""

    def accepted(self, platform: str, shop: str, result: str, seconds: float | None = None) -> None:
        """Count a webhook that was answered with 200; `seconds` is how long it took to store it."""

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Count a webhook that was not stored."""

    def committed(self, seconds: float) -> None:
        """Record how long a commit took, the wait for the disk included."""

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Count the outcome of a delivery, and its call if there was one; `now` is in milliseconds since 1970 UTC."""


class NullMeter:
    """Measures nothing."""

    def accepted(self, platform: str, shop: str, result: str, seconds: float | None = None) -> None:
        """Do nothing."""

    def refused(self, platform: str, shop: str, reason: str) -> None:
        """Do nothing."""

    def committed(self, seconds: float) -> None:
        """Do nothing."""

    def settled(self, settlement: Settlement, now: int, milliseconds: int) -> None:
        """Do nothing."""


class Tracer(Protocol):
    """Traces a webhook from its arrival to the outcome of its call. No method raises anything of its own."""

    def webhook(self, shop: Shop, topic: str) -> AbstractContextManager[Mapping[str, str]]:
        """Trace the storing of a webhook in the block; gives the headers to store with it."""

    def settled(self, inbox: Inbox, settlements: Sequence[Settlement], now: int) -> None:
        """Trace the outcomes of deliveries; `now` is in milliseconds since 1970 UTC."""

    def start(self) -> None:
        """Begin to send, where the process has threads by now."""

    def close(self) -> None:
        """Send what is left."""


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
