"""Reads the Retry-After header of a response: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def retry_after(values: Iterable[str], date: str | None, now: datetime) -> float | None:
    """Return the longest wait that `values` ask for, in seconds, infinite included; None if none of them is valid.

    A value is a number, a list of numbers or an HTTP date. A date counts from `date`, the response's own Date header,
    so that clocks that differ change nothing; from `now` where the response has none.
    """
    began = (_moment(date) if date else None) or now
    return max((wait for value in values for wait in _waits(value, began)), default=None)


def _waits(value: str, began: datetime) -> Iterator[float]:
    if ":" in value:  # the time of a date
        moment = _moment(value)
        if moment:
            yield max((moment - began).total_seconds(), 0.0)
        return
    for part in value.split(","):
        if SECONDS.fullmatch(part.strip()):
            yield float(part)


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):  # the standard library documents the first only
        return None
