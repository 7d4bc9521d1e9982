"""Checks whether a proxy passes on bodies as large as orders can be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from webhook_app.doctor.http_probe import ProbeResponse

SIZE = 4_500_000  # bytes; an order of Shopify with all its lines can have as many
# Such a name has no shop: the receiver answers 404 in its own words, stores nothing, and counts no refusal of a shop.
PATH = "webhook-receiver-doctor"
TITLE = f"a body of {SIZE / 1_000_000} MB"
ALLOW = "Allow bodies of 6 MB: `client_max_body_size 6m` in nginx, `request_body { max_size 6MB }` in Caddy."
READ = "Check the time limits of the proxy, and that it reads the whole request before it passes it on."
LOG = "Check the proxy's log: its time limits, and the disk where it buffers bodies."
RULES = "Check the rules of the proxy, or of a firewall in it."
TOO_LARGE = 413
BAD_GATEWAY = (502, 503, 504)


def body() -> bytes:
    """Return the body to post: JSON without a signature."""
    frame = '{"doctor": ""}'
    return frame.replace('""', f'"{"x" * (SIZE - len(frame))}"').encode()


def finding(url: str, response: ProbeResponse) -> Finding:
    """Judge the response to body(), posted to `url`."""
    if _is_receiver(response):
        return Finding("webhook URL", Severity.OK, f"A{TITLE[1:]} reaches the receiver.")
    if response.failure:
        return _fault(Severity.WARNING, f"{url} gives no answer to {TITLE}: {response.message}.", READ)
    answered = f"{url} answers {response.status} to {TITLE}"
    if response.status == TOO_LARGE:
        return _fault(Severity.ERROR, f"{answered}: {_server(response)} refuses it, and so every large order.", ALLOW)
    if response.status in BAD_GATEWAY:
        return _fault(Severity.ERROR, f"{answered}, not to a small request: {_server(response)} fails.", LOG)
    return _fault(Severity.WARNING, f"{answered}; this receiver would answer 404 with a JSON body.", RULES)


def _fault(severity: Severity, text: str, advice: str) -> Finding:
    return Finding("webhook URL", severity, text, advice)


def _is_receiver(response: ProbeResponse) -> bool:
    try:
        return bool(json.loads(response.text)["error"] == "unknown_shop")
    except (ValueError, KeyError, TypeError):
        return False


def _server(response: ProbeResponse) -> str:
    named = (response.headers or {}).get("Server", "")
    return f"the proxy ({named})" if named else "the proxy"
