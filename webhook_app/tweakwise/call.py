"""One request to the Analytics API, as a value: translation makes it, the inbox stores it, the client sends it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PURCHASE = "purchase:"  # before an order's id in its business key

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Call:
    """POST /api/`event` with `body`; `note` is a remark for pages and commands.

    `key` is the business key, unique within a shop: for good, or among deliveries received `within` so many seconds.
    With an `address`, which is the sender's in normal form, it is unique for each address. `is_internal` marks an
    employee's event or a test, which Tweakwise's reports set apart.
    `not_before` is when it may be sent at the earliest, in milliseconds since 1970 UTC, None for at once.
    """

    event: str
    key: str
    body: Mapping[str, Any]
    note: str = ""
    within: float | None = None
    address: str = ""
    is_internal: bool = False
    not_before: int | None = None

    @property
    def is_order(self) -> bool:
        """Whether it counts an order, whose id is in the key."""
        return self.event == "purchase"

    def as_json(self) -> str:
        """Return the request body, the same bytes every time."""
        return _encode(self.body)


def purchase_key(order_id: str) -> str:
    """Return the business key of an order, whatever becomes of it."""
    return f"{PURCHASE}{order_id}"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A payload with a missing or odd field; `detail` names its path and never its value."""

    detail: str
