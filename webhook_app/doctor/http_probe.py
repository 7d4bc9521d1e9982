"""One HTTP request, and in words what went wrong with it."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import requests
from urllib3.exceptions import NameResolutionError

from webhook_app.throttling.descriptions import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 10.0  # seconds
MOST_READ = 4096  # bytes of an answer


@dataclass(frozen=True, slots=True)
class ProbeResponse:
    """What came back. `fault` is "" when something did: else `dns`, `connect`, `tls` or `timeout`; `said` tells more.

    `skew` is how many seconds our clock is ahead of the server's (None where it says no time).
    """

    status: int = 0
    headers: Mapping[str, str] | None = None
    text: str = ""
    fault: str = ""
    said: str = ""
    skew: float | None = None


def probe(method: str, url: str, **how: Any) -> ProbeResponse:
    """Send one request; follows no redirect, and raises nothing."""
    began = time.time()
    try:
        with requests.request(method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **how) as response:
            ended = time.time()
            text = next(response.iter_content(MOST_READ), b"").decode("utf-8", "replace")
            skew = _skew(response.headers.get("Date", ""), (began + ended) / 2)
            return ProbeResponse(response.status_code, response.headers, text, skew=skew)
    except requests.RequestException as error:
        fault, said = _told(error)
        return ProbeResponse(fault=fault, said=said)


def _told(error: requests.RequestException) -> tuple[str, str]:
    causes = list(_causes(error))
    certificate = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    if certificate or isinstance(error, requests.exceptions.SSLError):
        detail = certificate.verify_message if certificate else "no encrypted connection came about"
        return "tls", f"{MEANINGS['tls']} ({detail})"
    if any(isinstance(one, NameResolutionError) for one in causes):
        return "dns", MEANINGS["dns"]
    name = "timeout" if isinstance(error, requests.Timeout) else "connect"
    detail = next((one.strerror for one in causes if isinstance(one, OSError) and one.strerror), "")
    return name, f"{MEANINGS[name]}{f' ({detail})' if isinstance(detail, str) and detail else ''}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what lies below it: urllib3 keeps the real one in `reason` or among the arguments."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)


def _skew(date: str, now: float) -> float | None:
    try:
        return now - (parsedate_to_datetime(date).timestamp() + 0.5)  # a Date has no fractions of a second
    except ValueError:
        return None
