"""Dates of platforms' APIs: a date without a zone is in UTC, never in the zone of this machine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def milliseconds(text: Any) -> int | None:
    """Return a date in milliseconds since 1970 UTC; None for anything that is none."""
    try:
        moment = datetime.fromisoformat(str(text))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
