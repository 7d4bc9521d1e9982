"""The state of a circuit breaker and of a rate limit, and whose calls they apply to: values that all workers share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

LONGEST_ADDRESS = 280  # characters, so that a scope fits its column


class ScopeKind(StrEnum):
    """What a throttle applies to."""

    SHOP = "shop"  # the calls of one shop
    TWEAKWISE = "tweakwise"  # the calls to one address of the Analytics API, whichever shop makes them
    ALL = "all"  # every call


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Whose calls a throttle applies to; `name` is the shop or the address, "" for all."""

    kind: ScopeKind
    name: str = ""

    @classmethod
    def shop(cls, name: str) -> Self:
        """Return the scope of one shop."""
        return cls(ScopeKind.SHOP, name)

    @classmethod
    def tweakwise(cls, address: str) -> Self:
        """Return the scope of all calls to one address."""
        return cls(ScopeKind.TWEAKWISE, address[:LONGEST_ADDRESS])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what str() wrote. Raises ValueError."""
        kind, _, name = text.partition(" ")
        return cls(ScopeKind(kind), name)

    @property
    def is_shop(self) -> bool:
        """Whether it is the scope of one shop."""
        return self.kind is ScopeKind.SHOP

    def applies_to(self, shops: set[str]) -> bool:
        """Return whether it covers calls of one of `shops`."""
        return not self.is_shop or self.name in shops

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


ALL = Scope(ScopeKind.ALL)


@dataclass(frozen=True, slots=True)
class ThrottleState:
    """Circuit breaker and rate limit of one scope. Times are milliseconds since 1970 UTC, a rate is calls per second.

    `failures` in a row; `open_until` is None while the breaker is closed; `probing` while one call tests whether it
    may close; `pauses` counts how often in a row it opened; `rate`, set at `rate_at`, applies after failures; `next_at`
    is when the next call would begin at that rate.
    """

    scope: Scope
    failures: int = 0
    reason: str = ""
    pauses: int = 0
    open_until: int | None = None
    probing: bool = False
    rate: float | None = None
    rate_at: int | None = None
    next_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the breaker is open, half-open included."""
        return self.open_until is not None
