"""Describes in words why a request to another server failed, and which setting corrects it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import LocationParseError, NameResolutionError, ProtocolError

from webhook_app.config import network
from webhook_app.throttling.descriptions import FAILURE_TEXTS
from webhook_app.timed_answers import NotSentError

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTRUSTED = ("issuer certificate", "self-signed", "self signed", "unable to verify")  # OpenSSL's own words
HINT = "if a private authority issued it, CA_BUNDLE must have that authority"


def failure(error: requests.RequestException) -> tuple[str, str]:
    """Return the name of a failure, as a call to Tweakwise has it, without its `http_<status>`, and a description."""
    causes = list(_causes(error))
    name = _name(error, causes)
    detail = _detail(error, causes, name)
    return name, f"{FAILURE_TEXTS[name]}{f' ({detail})' if detail else ''}"


def _name(error: requests.RequestException, causes: list[BaseException]) -> str:
    if _is_any(causes, ssl.SSLError, requests.exceptions.SSLError) or _authorities_fault(causes):
        return "tls"
    if isinstance(error, requests.exceptions.InvalidURL) or _is_any(causes, NameResolutionError, LocationParseError):
        return "dns"
    if isinstance(error, NotSentError | ValueError):
        return "request"
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "reset" if _is_any(causes, ProtocolError, ConnectionResetError) else "connect"


def _detail(error: requests.RequestException, causes: list[BaseException], name: str) -> str:
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects again and again"
    if name == "request":
        return type(causes[-1]).__name__
    if name == "tls":
        judged = (one.verify_message for one in causes if isinstance(one, ssl.SSLCertVerificationError))
        return _authorities_fault(causes) or next(judged, "no encrypted connection could be made")
    found = (one.strerror for one in causes if isinstance(one, OSError) and isinstance(one.strerror, str))
    return next(filter(None, found), "") if name == "connect" else ""


def described(error: requests.RequestException) -> str:
    """Return a description that names CA_BUNDLE where an authority is not trusted."""
    name, text = failure(error)
    untrusted = name == "tls" and any(one in text for one in UNTRUSTED)
    return f"{text}; {HINT}" if untrusted else text


def _authorities_fault(causes: list[BaseException]) -> str:
    """Return what is wrong with CA_BUNDLE where that may be the cause: no server's certificate was judged."""
    judged = _is_any(causes, ssl.SSLCertVerificationError)
    concerned = not judged and _is_any(causes, ssl.SSLError, NotSentError, requests.exceptions.SSLError)
    return network.authorities_fault() if concerned else ""


def _is_any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(one, kinds) for one in causes)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors behind it: urllib3 puts the original one into `reason` or the arguments."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in inner if isinstance(one, BaseException)), None)
