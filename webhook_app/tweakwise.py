"""The client of the Tweakwise Analytics API: one call out, None or a Failure back, never an exception."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import requests
import urllib3
from urllib3.exceptions import LocationParseError, NameResolutionError, NewConnectionError

from webhook_app.retry import Failure
from webhook_app.settings import CONTENT_TYPES

if TYPE_CHECKING:
    from webhook_app.call import Call
    from webhook_app.shops import Shop

# The official Magento module waits as long: https://github.com/EmicoEcommerce/Magento2Tweakwise
TIMEOUT = 5.0  # seconds to connect, and again between two bytes of the answer
LONGEST_ANSWER = 2000  # bytes kept of an answer that is not 2xx
LONGEST_READ = 1.0  # seconds spent on reading it
NO_ADDRESS = (requests.exceptions.InvalidURL, LocationParseError)  # a name that no name server could know


class Client:
    """Sends calls over keep-alive connections; one session a thread, because a session is not thread-safe."""

    def __init__(self, url: str, timeout: float = TIMEOUT, content_type: str = CONTENT_TYPES[0]) -> None:
        """`url` is where shops go that name no other; `timeout` is in seconds."""
        self._url, self._timeout, self._content_type = url, timeout, content_type
        self._local = threading.local()

    def send(self, call: Call, shop: Shop) -> Failure | None:
        """POST `call` for `shop`; returns None when Tweakwise has it (any 2xx), what went wrong otherwise."""
        try:
            with self._session().post(
                f"{(shop.tweakwise_url or self._url).rstrip('/')}/api/{call.event}",
                data=call.as_json().encode(),
                headers=self._headers(shop),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response)
        except (requests.RequestException, LocationParseError) as error:
            return Failure(classify(error))

    def _headers(self, shop: Shop) -> dict[str, str]:
        headers = {"Instance-Key": shop.instance_key, "Content-Type": self._content_type}
        return {**headers, "TWN-Source": shop.source} if shop.source else headers

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = _Session()
            # Neither proxies nor credentials of the environment have a say in where a merchant's events go.
            session.trust_env = False
        return session


class _Session(requests.Session):
    """A session that does not look where a redirect leads: it would read the whole answer first, however slow."""

    def get_redirect_target(self, _resp: requests.Response) -> None:
        """Say that there is nothing to follow."""


def _read(response: requests.Response) -> Failure | None:
    answer = _beginning(response)
    if 200 <= response.status_code < 300:  # noqa: PLR2004 - any 2xx
        return None
    status = response.status_code
    after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    return Failure(f"http_{status}", status, after, answer.decode("utf-8", "replace"))


def _beginning(response: requests.Response) -> bytes:
    """Read a little of the answer, for a little while: the status has said what matters."""
    answer, deadline = b"", time.monotonic() + LONGEST_READ
    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        while len(answer) < LONGEST_ANSWER and time.monotonic() < deadline:
            piece = response.raw.read1(LONGEST_ANSWER - len(answer), decode_content=True)
            if not piece:
                break
            answer += piece
    return answer


def classify(error: requests.RequestException | LocationParseError) -> str:
    """Name a failure without an answer: dns, connect, tls, timeout or reset."""
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, NameResolutionError) or isinstance(error, NO_ADDRESS):
        return "dns"
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return "connect"
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "reset"


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, in seconds or as a date, as seconds from `now`; None when it says nothing."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdigit() else (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
