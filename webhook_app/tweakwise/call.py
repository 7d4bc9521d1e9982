"""One request to the Analytics API, as a value: translation makes it, the inbox keeps it, the client sends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Call:
    """POST /api/`event` with `body`; `note` is a remark for a person.

    `key` makes it unique within a shop: for good, or among what was received `within` so many seconds of it.
    """

    event: str
    key: str
    body: Mapping[str, Any]
    note: str = ""
    within: float | None = None

    def as_json(self) -> str:
        """Write the request body, the same bytes every time."""
        return _written(self.body)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A payload with a missing or odd field; `detail` names its path and never its value."""

    detail: str
