"""Checks of the webhook URLs from outside, through DNS, certificate and proxy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app.doctor import large_bodies
from webhook_app.doctor.http_probe import probe
from webhook_app.health.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.context import CheckContext
    from webhook_app.doctor.http_probe import ProbeResponse

REDIRECT = "Use the address that does not redirect: WooCommerce takes a redirect for success, and the order is lost."
CERTIFICATES = {
    "expired": "Renew the certificate.",
    "self-signed": "Use a certificate of a public authority (Let's Encrypt).",
    "self signed": "Use a certificate of a public authority (Let's Encrypt).",
    "unable to get local issuer": "Configure the server to send the whole chain, with the intermediate certificate.",
    "doesn't match": "The certificate is for another name: correct the address or the certificate.",
    "not valid for": "The certificate is for another name: correct the address or the certificate.",
}


def urls(context: CheckContext) -> Iterator[Finding]:
    """GET the webhook URL of each shop, which the receiver answers with 405, and /readyz; POST one large body."""
    if not context.url:
        return
    base = context.url.rstrip("/")
    if not base.startswith("https://"):
        text = f"{base} is not https://; Shopify posts only to https://, and other platforms may be redirected."
        yield Finding("webhook URL", Severity.WARNING, text, "Put a proxy with a certificate in front of the receiver.")
    for shop in context.shops.values():
        url = f"{base}/webhooks/{shop.platform}/{shop.name}"
        finding = _webhook_url(url, probe("GET", url))
        yield finding
        if finding.severity is Severity.ERROR and urlsplit(url).hostname:
            break  # the other shops have the same address
    else:
        yield _readiness(f"{base}/readyz", probe("GET", f"{base}/readyz"))
        yield _large_body(base, context)


def _webhook_url(url: str, response: ProbeResponse) -> Finding:
    if response.failure:
        text = f"{url} cannot be reached: {response.message}."
        return Finding("webhook URL", Severity.ERROR, text, _advice(response))
    if 300 <= response.status < 400:  # noqa: PLR2004 - HTTP's own classes
        target = (response.headers or {}).get("Location", "")
        text = f"{url} answers with a redirect ({response.status}) to {target or 'no address'}."
        return Finding("webhook URL", Severity.ERROR, text, REDIRECT)
    if response.status == 405 and _field(response, "error") == "method_not_allowed":  # noqa: PLR2004 - as the receiver
        return Finding("webhook URL", Severity.OK, f"{url} can be reached, and this receiver answers.")
    text = f"{url} answers {response.status}; this receiver would answer 405 with a JSON body."
    return Finding("webhook URL", Severity.ERROR, text, "Configure the proxy to pass /webhooks/ on to the receiver.")


def _large_body(base: str, context: CheckContext) -> Finding:
    return large_bodies.finding(*large_bodies.post(base, next(iter(context.shops.values())).platform))


def _advice(response: ProbeResponse) -> str:
    if response.failure == "tls":
        found = (advice for word, advice in CERTIFICATES.items() if word in response.message)
        return next(found, "Correct the certificate.")
    if response.failure == "dns":
        return "Check the spelling of the name, and that it has a DNS record."
    return "Check that the proxy or the tunnel is running, and that the port is open to the outside."


def _readiness(url: str, response: ProbeResponse) -> Finding:
    status = _field(response, "status")
    if response.status == 200 and status in ("ready", "spooling"):  # noqa: PLR2004 - HTTP's own word
        severity = Severity.OK if status == "ready" else Severity.WARNING
        advice = "" if status == "ready" else "Check the database: until it answers, webhooks are stored in the spool."
        return Finding("webhook URL", severity, f"{url} answers {status}: webhooks are stored.", advice)
    text = f"{url} does not confirm that webhooks can be stored ({response.status or response.message})."
    advice = "Check that the database of `web` answers and is migrated. Ignore this if a proxy hides /readyz."
    return Finding("webhook URL", Severity.WARNING, text, advice)


def _field(response: ProbeResponse, name: str) -> str:
    try:
        return str(json.loads(response.text).get(name, ""))
    except (ValueError, AttributeError):
        return ""
