"""Accepted calls as numbered events, and a filter for them; values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decimal import Decimal

    from webhook_app.sandbox.analytics import Body


@dataclass(frozen=True, slots=True)
class SandboxCall:
    """One accepted call without a number."""

    instance_key: str
    event: str
    source: str | None
    body: Body
    size: int
    unknown_products: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SandboxEvent:
    """One stored call: `n` counts from 1 in order of arrival, `at` is ISO 8601 in UTC."""

    n: int
    at: str
    call: SandboxCall

    @property
    def event(self) -> str:
        """The name of the call, such as purchase."""
        return self.call.event

    @property
    def instance_key(self) -> str:
        """The instance key of the call."""
        return self.call.instance_key

    @property
    def profile_key(self) -> str | None:
        """The profile key, None for a call without one (itemclick)."""
        return self.call.body.get("ProfileKey")

    @property
    def revenue(self) -> Decimal | int | None:
        """The revenue of a purchase, if it has one."""
        return self.call.body.get("Revenue")

    def as_json(self) -> dict[str, Any]:
        """Return the event as shown by /events."""
        return {
            "n": self.n,
            "at": self.at,
            "instance_key": self.instance_key,
            "event": self.event,
            "source": self.call.source,
            "body": self.call.body,
            "unknown_products": self.call.unknown_products,
        }


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A filter of events; None or "" matches any."""

    event: str | None = None
    instance_key: str | None = None
    profile_key: str | None = None
    after: int = 0

    def matches(self, event: SandboxEvent) -> bool:
        """Return whether the event matches."""
        return (
            event.n > self.after
            and (not self.event or event.event == self.event)
            and (not self.instance_key or event.instance_key == self.instance_key)
            and (not self.profile_key or event.profile_key == self.profile_key)
        )
