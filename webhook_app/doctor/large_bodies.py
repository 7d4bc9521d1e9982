"""Checks whether a proxy passes on bodies as large as orders can be.

libcurl sends the body: it reads an answer that comes before all is sent, where requests only sees the connection end.
"""

from __future__ import annotations

import json
import os
from typing import Any

import certifi
import pycurl
from requests.utils import get_environ_proxies, select_proxy

from webhook_app.config.shops import DOCTOR
from webhook_app.doctor.http_probe import MOST_READ, TIMEOUT, ProbeResponse
from webhook_app.health.finding import Finding, Severity
from webhook_app.throttling.descriptions import FAILURE_TEXTS
from webhook_app.timed_answers import WHOLE
from webhook_app.tweakwise import transport

SIZE = 4_500_000  # bytes; an order of Shopify with all its lines can have as many
TITLE = f"a body of {SIZE / 1_000_000} MB"
ALLOW = "Allow bodies of 6 MB: `client_max_body_size 6m` in nginx, `request_body { max_size 6MB }` in Caddy."
READ = "Check the time limits of the proxy, and that it reads the whole request before it passes it on."
LOG = f"Check the proxy's log: its time limits, the disk where it buffers bodies, its limit (a 502 in Caddy). {ALLOW}"
RULES = "Check the rules of the proxy, or of a firewall in it."
LIMIT = "Set MAX_BODY to 5242880, its default, or more."
TOO_LARGE = 413
BAD_GATEWAY = (502, 503, 504)


def body() -> bytes:
    """Return the body to post: JSON without a signature."""
    frame = '{"doctor": ""}'
    return frame.replace('""', f'"{"x" * (SIZE - len(frame))}"').encode()


def post(base: str, platform: str) -> tuple[str, ProbeResponse]:
    """Post body() to a name that no shop has; returns the address and the response.

    The receiver reads the body, answers 404 with its size, stores nothing, and counts no refusal of a shop.
    """
    url, head, answer = f"{base}/webhooks/{platform}/{DOCTOR}", list[bytes](), bytearray()
    handle = pycurl.Curl()
    try:
        for option, value in _options(url, head, answer).items():
            handle.setopt(option, value)
        handle.perform()
    except pycurl.error as error:
        if not handle.getinfo(pycurl.RESPONSE_CODE):
            name = "timeout" if pycurl.E_OPERATION_TIMEDOUT in error.args else "reset"
            return url, ProbeResponse(failure=name, message=f"{FAILURE_TEXTS[name]} ({handle.errstr()})")
    text = answer[:MOST_READ].decode("utf-8", "replace")
    return url, ProbeResponse(handle.getinfo(pycurl.RESPONSE_CODE), {"Server": _server_name(head)}, text)


def _options(url: str, head: list[bytes], answer: bytearray) -> dict[int, Any]:
    authorities = os.fsencode(os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where())

    def receive(piece: bytes) -> int:
        answer.extend(piece)
        return len(piece) if len(answer) <= MOST_READ else 0  # libcurl stops when not all bytes are taken

    return {
        pycurl.URL: transport.encoded(url),
        pycurl.POSTFIELDS: body(),
        pycurl.HTTPHEADER: ["Content-Type: application/json", "Expect:"],  # as platforms send it: without asking first
        pycurl.CAINFO: authorities,
        pycurl.PROXY_CAINFO: authorities,
        # The proxy that the other checks ask: libcurl itself does not read HTTP_PROXY.
        pycurl.PROXY: (select_proxy(url, get_environ_proxies(url)) or "").encode(),
        pycurl.NOPROXY: "",
        pycurl.CONNECTTIMEOUT: int(TIMEOUT),
        pycurl.LOW_SPEED_LIMIT: 1,
        pycurl.LOW_SPEED_TIME: int(TIMEOUT),
        pycurl.TIMEOUT: int(WHOLE),
        pycurl.NOSIGNAL: True,
        pycurl.HEADERFUNCTION: head.append,
        pycurl.WRITEFUNCTION: receive,
    }


def _server_name(head: list[bytes]) -> str:
    named = [line.partition(b":")[2] for line in head if line.lower().startswith(b"server:")]
    return named[-1].strip().decode("latin-1") if named else ""


def finding(url: str, response: ProbeResponse) -> Finding:
    """Judge the response to body(), posted to `url`."""
    if _field(response, "received") == SIZE:
        return Finding("webhook URL", Severity.OK, f"A{TITLE[1:]} reaches the receiver.")
    if response.failure:
        return _fault(Severity.WARNING, f"{url} gives no answer to {TITLE}: {response.message}.", READ)
    answered = f"{url} answers {response.status} to {TITLE}"
    if _field(response, "error") == "too_large":
        return _fault(Severity.ERROR, f"{answered}: the receiver refuses it, and so every large order.", LIMIT)
    if response.status == TOO_LARGE:
        return _fault(Severity.ERROR, f"{answered}: {_server(response)} refuses it, and so every large order.", ALLOW)
    if response.status in BAD_GATEWAY:
        return _fault(Severity.ERROR, f"{answered}, not to a small request: {_server(response)} fails.", LOG)
    return _fault(Severity.WARNING, f"{answered}; this receiver would answer 404 with the size of the body.", RULES)


def _fault(severity: Severity, text: str, advice: str) -> Finding:
    return Finding("webhook URL", severity, text, advice)


def _field(response: ProbeResponse, name: str) -> Any:
    try:
        return json.loads(response.text)[name]
    except (ValueError, KeyError, TypeError):
        return None


def _server(response: ProbeResponse) -> str:
    named = (response.headers or {}).get("Server", "")
    return f"the proxy ({named})" if named else "the proxy"
