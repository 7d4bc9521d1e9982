"""What the checks of the doctor read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The input of every check.

    `shops` are the shops to check, `url` is the public address of the receiver, None to skip the checks from outside;
    `sends_events` allows sending one search to Tweakwise for each shop.
    """

    config: Settings
    shops: Mapping[str, Shop]
    platforms: Mapping[str, Platform]
    inbox: Inbox
    url: str | None = None
    sends_events: bool = False
