"""Sends one HTTP request and describes in words what went wrong with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from webhook_app.failed_requests import failure
from webhook_app.http_dates import http_date
from webhook_app.timed_answers import Session, start_of

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 10.0  # seconds
MOST_READ = 4096  # bytes of a response


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """The response to a probe, or why there is none.

    `failure` is "" where there is a response, otherwise `dns`, `connect`, `tls`, `timeout`, `reset`
    or `request`; `message` describes it.
    `clock_skew` is how many seconds this machine's clock is ahead of the server's, None without a Date header.
    """

    status: int = 0
    headers: Mapping[str, str] | None = None
    text: str = ""
    failure: str = ""
    message: str = ""
    clock_skew: float | None = None


def probe(method: str, url: str, **options: Any) -> ProbeResponse:
    """Send one request; follows no redirect and raises nothing. `options` are those of requests.request()."""
    started = time.time()
    try:
        with (
            Session() as session,
            session.request(method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **options) as response,
        ):
            ended = time.time()
            text = start_of(response, MOST_READ).decode("utf-8", "replace")
            skew = _clock_skew(response.headers.get("Date", ""), (started + ended) / 2)
            return ProbeResponse(response.status_code, response.headers, text, clock_skew=skew)
    except requests.RequestException as error:
        name, message = failure(error)
        return ProbeResponse(failure=name, message=message)


def _clock_skew(date: str, now: float) -> float | None:
    moment = http_date(date)
    return now - (moment.timestamp() + 0.5) if moment else None  # a Date header has no fractions of a second
