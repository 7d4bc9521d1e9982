"""Reads dates of HTTP headers: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def http_date(text: str) -> datetime | None:
    """Return a header's date in UTC, None if it is none."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):  # the standard library documents the first only
        return None
