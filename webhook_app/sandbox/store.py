"""The state of the sandbox: events, profiles and refusals, bounded, in memory, under one lock."""

from __future__ import annotations

import threading
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from webhook_app.sandbox.events import EventFilter, SandboxEvent
from webhook_app.sandbox.profiles import ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhook_app.sandbox.analytics import Faults
    from webhook_app.sandbox.events import SandboxCall
    from webhook_app.sandbox.profiles import SandboxProfile

MOST_EVENTS = 10_000
# In bytes as received: 10,000 events of a megabyte would not fit into memory.
MOST_EVENT_BYTES = 32 * 1024 * 1024
MOST_REFUSALS = 1_000


class SandboxStore:
    """Events, profiles and refusals; every method may be called from any thread."""

    def __init__(self, max_profiles: int) -> None:
        self._lock = threading.Lock()
        self._max_profiles = max_profiles
        self._start()

    def _start(self) -> None:
        self._events: deque[SandboxEvent] = deque()
        self._bytes = 0
        self._kinds: Counter[str] = Counter()
        self._with_unknown = 0
        self._refusals: deque[dict[str, Any]] = deque(maxlen=MOST_REFUSALS)
        self._refused = 0
        self._profiles = ProfileStore(self._max_profiles)

    def store(self, call: SandboxCall) -> SandboxEvent:
        """Store the call as the newest event and return it; drops the oldest events when there are too many."""
        with self._lock:
            event = SandboxEvent(self._kinds.total() + 1, _now(), call)
            self._events.append(event)
            self._bytes += call.size
            self._kinds[call.event] += 1
            self._with_unknown += bool(call.unknown_products)
            self._profiles.add(event)
            self._drop_oldest()
        return event

    def _drop_oldest(self) -> None:
        while len(self._events) > MOST_EVENTS or self._bytes > MOST_EVENT_BYTES:
            self._bytes -= self._events.popleft().call.size

    def refuse(self, event: str, status: int, reason: str, errors: Faults) -> None:
        """Record that a call was refused and why, without its values."""
        with self._lock:
            self._refused += 1
            self._refusals.append({"at": _now(), "event": event, "status": status, "reason": reason, "errors": errors})

    def clear(self) -> None:
        """Remove all events, profiles and refusals."""
        with self._lock:
            self._start()

    def events(self, wanted: EventFilter | None = None) -> tuple[dict[str, int], list[SandboxEvent]]:
        """Return the numbers of received and dropped events, and the matching events in order of arrival."""
        with self._lock:
            stored, total = list(self._events), self._kinds.total()
        counts = {"total": total, "dropped": total - len(stored)}
        return counts, _matching(stored, wanted or EventFilter())

    def refusals(self) -> list[dict[str, Any]]:
        """Return the newest refusals, oldest first."""
        with self._lock:
            return list(self._refusals)

    def profiles(self) -> dict[str, Any]:
        """Return all profiles and the evictions as shown by /profiles."""
        with self._lock:
            return {
                "max_profiles": self._profiles.most,
                "evicted": self._profiles.evicted,
                "evictions": list(self._profiles.evictions),
                "profiles": [profile.as_json() for profile in self._profiles],
            }

    def profile(self, instance_key: str, profile_key: str) -> tuple[dict[str, Any], list[SandboxEvent]] | None:
        """Return one profile with its stored events, None if there is no such profile."""
        with self._lock:
            found = self._profiles.get(instance_key, profile_key)
            if found is None:
                return None
            return found.as_json(), _matching(self._events, _of(found))

    def figures(self) -> dict[str, Any]:
        """Return the figures of the page; dropped events are included."""
        with self._lock:
            return {
                "kinds": dict(self._kinds),
                "profiles": len(self._profiles),
                "max_profiles": self._profiles.most,
                "evicted": self._profiles.evicted,
                "refused": self._refused,
                "unknown": self._with_unknown,
            }


def _of(profile: SandboxProfile) -> EventFilter:
    # An evicted profile that comes back is a new one, without its former events.
    return EventFilter(instance_key=profile.instance_key, profile_key=profile.profile_key, after=profile.first - 1)


def _matching(events: Iterable[SandboxEvent], wanted: EventFilter) -> list[SandboxEvent]:
    return [event for event in events if wanted.matches(event)]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
