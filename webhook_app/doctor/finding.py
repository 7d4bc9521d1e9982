"""A finding of the doctor, and what its checks read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhook_app.config.settings import Settings
    from webhook_app.config.shops import Shop
    from webhook_app.inbox import Inbox
    from webhook_app.platforms.base import Platform


class Severity(StrEnum):
    """How bad a finding is; only an error makes `doctor` exit with 1."""

    OK = "ok"
    INFO = "info"  # cannot be decided from here, or may be intended
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check: a sentence, and advice unless it is ok. Holds no secret and nothing of a body."""

    check: str
    severity: Severity
    text: str
    advice: str = ""


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
