"""Reads the Retry-After header of a response: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webhook_app.http_dates import http_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def retry_after(values: Iterable[str], date: str | None, now: datetime) -> float | None:
    """Return the longest wait that `values` ask for, in seconds, infinite included; None if none of them is valid.

    A value is a number, a list of numbers or an HTTP date. A date counts from `date`, the response's own Date header,
    so that clocks that differ change nothing; from `now` where the response has none.
    """
    began = (http_date(date) if date else None) or now
    return max((wait for value in values for wait in _waits(value, began)), default=None)


def _waits(value: str, began: datetime) -> Iterator[float]:
    if ":" in value:  # the time of a date
        moment = http_date(value)
        if moment:
            yield max((moment - began).total_seconds(), 0.0)
        return
    for part in value.split(","):
        if SECONDS.fullmatch(part.strip()):
            yield float(part)
