"""Requests to a platform's API: limited in rate, time and size, repeated where that is safe, never redirected.

Only the configured address is asked, so that credentials reach no other host.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from webhook_app import __version__
from webhook_app.errors import SourceError, TooMuchError
from webhook_app.failed_requests import described
from webhook_app.timed_answers import READ, NotSentError, Session, TimedAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests.auth import AuthBase

TRIES = 5
LONGEST_RETRY_AFTER = 30  # seconds; a longer one ends the attempt, and the next round tries again
CONNECT = 10.0  # seconds to connect
LARGEST = 32 * 1024 * 1024  # bytes of an answer
CHUNK = 65_536
LONGEST_INT = 4000  # digits
BURST = 5  # requests that need not wait for each other
GAVE_UP = (500, 502, 504)  # also what a host answers when a page takes it too long, or too much memory
REPEATED = (408, 425, 429, 500, 502, 503, 504)
USER_AGENT = f"tweakwise-webhook-receiver/{__version__}"

# It logs the addresses that it asks again, and some hosts need the secret in them.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API: `data` is its JSON with numbers as text for fractions, `date` the server's time in ms."""

    status: int
    headers: Mapping[str, str]
    data: Any
    date: int | None


class TokenBucket:
    """So many requests a second on average, a few at once. Not for several threads."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`rate` is in requests a second; `clock` and `sleep` are in seconds."""
        self.rate, self._clock, self._sleep = rate, clock, sleep
        self._free, self._at = float(BURST), clock()

    def wait(self, cost: float = 1.0) -> None:
        """Wait until a request may begin."""
        self._refill()
        if self._free < cost:
            self._sleep((cost - self._free) / self.rate)
            self._refill()
        self._free -= cost

    def _refill(self) -> None:
        now = self._clock()
        self._free = min(self._free + max(now - self._at, 0) * self.rate, float(BURST))
        self._at = now


class Http:
    """The HTTP client of one connection. Its methods raise SourceError."""

    def __init__(self, base: str, rate: float, auth: AuthBase | None = None) -> None:
        """`base` is the address that all paths are below; without `auth` no credentials are sent, from no file either.

        `rate` is in requests a second; the pauses between tries shrink with a higher one.
        """
        self.base, self.auth, self.bucket = base, auth or _no_auth, TokenBucket(rate)
        self._host = urlsplit(base).hostname or ""
        self._session = Session()
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._once, self._repeating = TimedAdapter(max_retries=0), TimedAdapter(max_retries=_retry(rate))

    def read(self, method: str, path: str, **what: Any) -> Answer:
        """Send a request that changes nothing, several times if need be."""
        return self._send(self._repeating, method, path, what)

    def write(self, method: str, path: str, **what: Any) -> Answer:
        """Send a request once."""
        return self._send(self._once, method, path, what)

    def _send(self, adapter: TimedAdapter, method: str, path: str, what: Mapping[str, Any]) -> Answer:
        self.bucket.wait()
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        try:
            with self._session.request(
                method,
                self.base + path,
                auth=self.auth,
                timeout=(CONNECT, READ),
                allow_redirects=False,
                stream=True,
                **what,
            ) as response:
                return self._answer(response)
        except requests.RequestException as error:
            kind = TooMuchError if _is_slow(error) else SourceError
            raise kind("api_unreachable", f"{self._host} {_failure(error)}.") from None

    def _answer(self, response: requests.Response) -> Answer:
        if response.is_redirect or response.is_permanent_redirect:
            target = urlsplit(response.headers.get("Location", "")).hostname or self._host
            raise SourceError(
                "api_odd_answer",
                f"{self._host} redirects to {target}, which is not followed: write the final address as `url`.",
            )
        body = self._body(response)
        date = _date(response.headers.get("Date"))
        try:
            data = _parsed(body) if body else None
        except (ValueError, RecursionError):
            data = None
            if response.ok:
                raise SourceError("api_odd_answer", f"{self._host} {_no_json(body)}") from None
        return Answer(response.status_code, response.headers, data, date)

    def _body(self, response: requests.Response) -> bytes:
        parts, size = [], 0
        for part in response.iter_content(CHUNK):
            parts.append(part)
            size += len(part)
            if size > LARGEST:
                raise TooMuchError("api_odd_answer", f"{self._host} sent more than {LARGEST} bytes in one answer.")
        return b"".join(parts)


def failed(answer: Answer, host: str, advice: str = "") -> SourceError:
    """Return the error of an answer whose status is no success, where the platform's own codes say no more."""
    status, code = answer.status, _code(answer.data)
    what = f"{host} answered {status}{f' ({code})' if code else ''}"
    if status in {401, 403}:
        return SourceError("api_unauthorized", f"{what}. {advice}".strip())
    if status in {420, 429}:
        return SourceError("api_throttled", f"{what}: it asks for fewer requests. The next attempt comes later.")
    if status in REPEATED or status >= 500:  # noqa: PLR2004 - the class of statuses
        kind = TooMuchError if status in GAVE_UP else SourceError
        return kind("api_unreachable", f"{what} {TRIES} times or for a change: its own log says why.")
    return SourceError("api_odd_answer", f"{what}. {advice}".strip())


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _retry(rate: float) -> Retry:
    factor = min(0.5, 1 / rate)
    return Retry(
        total=TRIES - 1,
        allowed_methods={"GET", "POST"},
        status_forcelist=REPEATED,
        backoff_factor=factor,
        backoff_jitter=factor,
        raise_on_status=False,
        retry_after_max=LONGEST_RETRY_AFTER,
    )


def _parsed(body: bytes) -> Any:
    """Return the JSON of an answer, with fractions and numbers of thousands of digits as text, and null for NaN."""
    try:
        return json.loads(body, parse_float=str, parse_constant=_no_number)
    except ValueError:  # also an integer with more digits than Python converts
        return json.loads(body, parse_float=str, parse_constant=_no_number, parse_int=_any_int)


def _no_number(_name: str) -> None:
    """Return null for NaN and Infinity, which are no JSON."""


def _any_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= LONGEST_INT else digits


def _is_slow(error: requests.RequestException) -> bool:
    """Return whether the answer did not come in time; after several tries that is hidden in the error."""
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    return isinstance(error, requests.ReadTimeout) or isinstance(reason, ReadTimeoutError)


def _failure(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout) or _is_slow(error):
        return "did not answer in time (timeout)"
    if isinstance(error, requests.ConnectionError | NotSentError | ValueError):
        return f"cannot be asked: {described(error)}"
    return f"sent an answer that cannot be read ({type(error).__name__})"


def _no_json(body: bytes) -> str:
    start = body.lstrip()[:15].lower()
    if start.startswith((b"<!doctype", b"<html", b"<")):
        return "answered with a page (HTML) instead of JSON: a login, a firewall or a maintenance page is in between."
    return "answered with something that is not JSON: a plugin or a proxy may write into the answer."


def _code(data: Any) -> str:
    """Return the error code of an answer, without anything else of it."""
    code = data.get("code") if isinstance(data, dict) else None
    return code if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() else ""


def _date(text: str | None) -> int | None:
    try:
        moment = parsedate_to_datetime(text or "")
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
