"""What a check finds, and what all checks look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform


class Level(StrEnum):
    """How bad it is; only what is wrong makes the doctor fail."""

    FINE = "fine"
    NOTE = "note"  # nobody can tell, or a person may want to know
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a sentence, and for whatever is not fine what to do. Never a secret, never a body."""

    check: str
    level: Level
    said: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined: `shops` are those asked for, `url` is the public address, `sends` allows a real event."""

    config: Settings
    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]
    inbox: Inbox
    url: str | None = None
    sends: bool = False


def span(seconds: float) -> str:
    """Write a span of time for people, in its largest unit."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(int(timedelta(seconds=seconds).total_seconds()), 0)} seconds"
