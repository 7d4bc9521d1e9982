"""Sends one HTTP request and describes in words what went wrong with it."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import NameResolutionError

from webhook_app.http_dates import http_date
from webhook_app.throttling.descriptions import FAILURE_TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 10.0  # seconds
MOST_READ = 4096  # bytes of a response


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """The response to a probe, or why there is none.

    `failure` is "" where there is a response, otherwise `dns`, `connect`, `tls` or `timeout`; `message` describes it.
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
        with requests.request(method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **options) as response:
            ended = time.time()
            text = next(response.iter_content(MOST_READ), b"").decode("utf-8", "replace")
            skew = _clock_skew(response.headers.get("Date", ""), (started + ended) / 2)
            return ProbeResponse(response.status_code, response.headers, text, clock_skew=skew)
    except requests.RequestException as error:
        failure, message = _described(error)
        return ProbeResponse(failure=failure, message=message)


def _described(error: requests.RequestException) -> tuple[str, str]:
    causes = list(_causes(error))
    certificate = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate or isinstance(error, requests.exceptions.SSLError):
        detail = certificate.verify_message if certificate else "no encrypted connection could be made"
        return "tls", f"{FAILURE_TEXTS['tls']} ({detail})"
    if any(isinstance(one, NameResolutionError) for one in causes):
        return "dns", FAILURE_TEXTS["dns"]
    name = "timeout" if isinstance(error, requests.Timeout) else "connect"
    detail = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), "")
    return name, f"{FAILURE_TEXTS[name]}{f' ({detail})' if isinstance(detail, str) and detail else ''}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors behind it: urllib3 puts the original one into `reason` or the arguments."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)


def _clock_skew(date: str, now: float) -> float | None:
    moment = http_date(date)
    return now - (moment.timestamp() + 0.5) if moment else None  # a Date header has no fractions of a second
