"""The topics and samples of browsing events, which every platform has under its own names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.event_types import BROWSING, SESSION_KEY
from webhook_app.platforms.base import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schemas.base import PlatformSchema
    from schemas.event_types import EventType
    from webhook_app.platforms.base import MakeSample, SampleValues


def topics(
    prefix: str,
    schema_of: Callable[[EventType], PlatformSchema],
    sample_of: Callable[[EventType, SampleValues], dict[str, Any]],
) -> tuple[Topic, ...]:
    """Return a topic for each event of the table, named by `prefix` and the event's name."""
    return tuple(
        Topic(
            f"{prefix}{event.name}",
            summary(event),
            schema_of(event),
            maker(event, sample_of),
            subscribe=False,
            storefront=True,
        )
        for event in BROWSING
    )


def summary(event: EventType) -> str:
    """Return the sentence about an event."""
    return f"{event.summary}; requires extra_events." if event.is_extra else f"{event.summary}."


def maker(event: EventType, sample_of: Callable[[EventType, SampleValues], dict[str, Any]]) -> MakeSample:
    """Return the function that makes samples of one event."""
    return lambda sample: sample_of(event, sample)


def sample_of(event: EventType, sample: SampleValues, **platforms_own: Any) -> dict[str, Any]:
    """Return a payload of an event; `platforms_own` replaces values of fields that it has."""
    visit = {"session_key": f"sample-{sample.number}"} if SESSION_KEY in event.required else {}
    given: Mapping[str, Any] = {**event.sample, "profile_key": sample.profile_key, **visit}
    return {name: platforms_own.get(name, value) for name, value in given.items()}
