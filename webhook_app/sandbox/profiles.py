"""Profiles as in Tweakwise: a limited number for each instance key; the one inactive longest is evicted."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.sandbox.events import SandboxEvent

MOST_EVICTIONS = 1_000
# Enough digits to add any accepted revenues without rounding.
REVENUE_DIGITS = 60


@dataclass(slots=True)
class SandboxProfile:
    """The summary of one profile; its events are those in the store from number `first` on."""

    instance_key: str
    profile_key: str
    first: int
    first_seen: str
    last_seen: str
    events: Counter[str] = field(default_factory=Counter)
    revenue: Decimal = Decimal(0)

    def add(self, event: SandboxEvent) -> None:
        """Count one event of this profile."""
        self.last_seen = event.at
        self.events[event.event] += 1
        with localcontext(prec=REVENUE_DIGITS):
            self.revenue += event.revenue or 0

    def as_json(self) -> dict[str, Any]:
        """Return the profile as shown by /profiles, with the exact revenue as text."""
        return {
            "instance_key": self.instance_key,
            "profile_key": self.profile_key,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
            "events": dict(self.events),
            "revenue": f"{self.revenue:f}",
        }


class ProfileStore:
    """The profiles of every instance key; the lock is that of the store that owns it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.evicted = 0
        self.evictions: deque[dict[str, str]] = deque(maxlen=MOST_EVICTIONS)
        # In order of activity: the first is the one inactive longest.
        self._by_instance: dict[str, OrderedDict[str, SandboxProfile]] = {}

    def __iter__(self) -> Iterator[SandboxProfile]:
        for profiles in self._by_instance.values():
            yield from profiles.values()

    def __len__(self) -> int:
        return sum(map(len, self._by_instance.values()))

    def get(self, instance_key: str, profile_key: str) -> SandboxProfile | None:
        """Return the profile, None if there is none or it was evicted."""
        profiles = self._by_instance.get(instance_key)
        return profiles.get(profile_key) if profiles else None

    def add(self, event: SandboxEvent) -> None:
        """Add the event to its profile, evicting another if that is new; does nothing without a profile key."""
        if event.profile_key is None:
            return
        profiles = self._by_instance.setdefault(event.instance_key, OrderedDict())
        if event.profile_key not in profiles:
            self._make_room(profiles, event.at)
            profiles[event.profile_key] = SandboxProfile(
                event.instance_key, event.profile_key, event.n, first_seen=event.at, last_seen=event.at
            )
        profiles.move_to_end(event.profile_key)
        profiles[event.profile_key].add(event)

    def _make_room(self, profiles: OrderedDict[str, SandboxProfile], at: str) -> None:
        while len(profiles) >= self.most:
            _, gone = profiles.popitem(last=False)
            self.evicted += 1
            self.evictions.append({"instance_key": gone.instance_key, "profile_key": gone.profile_key, "at": at})
