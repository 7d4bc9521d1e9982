"""Checks of the webhook URLs as they are seen from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from webhook_app.doctor.finding import Finding, Level
from webhook_app.doctor.http_probe import probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhook_app.doctor.finding import Subject
    from webhook_app.doctor.http_probe import ProbeResponse

REDIRECT = "Paste the address that does not redirect: WooCommerce takes a redirect for success, and the order is lost."
CERTIFICATES = {
    "expired": "Renew the certificate.",
    "self-signed": "Use a certificate of a known authority (Let's Encrypt).",
    "self signed": "Use a certificate of a known authority (Let's Encrypt).",
    "unable to get local issuer": "Let the server send the whole chain, with the intermediate certificate.",
    "doesn't match": "The certificate is for another name: correct the address or the certificate.",
    "not valid for": "The certificate is for another name: correct the address or the certificate.",
}


def urls(subject: Subject) -> Iterator[Finding]:
    """GET each shop's webhook URL, which must say what it is for, and /readyz."""
    if not subject.url:
        return
    base = subject.url.rstrip("/")
    if not base.startswith("https://"):
        said = f"{base} is not https://; Shopify posts to nothing else, and others may be redirected."
        yield Finding("webhook URL", Level.WARNING, said, "Put a proxy with a certificate in front.")
    for shop in subject.shops.values():
        url = f"{base}/webhooks/{shop.platform}/{shop.name}"
        finding = _told(url, probe("GET", url))
        yield finding
        if finding.level is Level.WRONG and urlsplit(url).hostname:
            break  # what is wrong with the address is wrong with all of them
    else:
        yield _ready(f"{base}/readyz", probe("GET", f"{base}/readyz"))


def _told(url: str, answer: ProbeResponse) -> Finding:
    if answer.fault:
        return Finding("webhook URL", Level.WRONG, f"{url} is not reached: {answer.said}.", _advice(answer))
    if 300 <= answer.status < 400:  # noqa: PLR2004 - HTTP's own classes
        there = (answer.headers or {}).get("Location", "")
        said = f"{url} answers with a redirect ({answer.status}) to {there or 'nowhere'}."
        return Finding("webhook URL", Level.WRONG, said, REDIRECT)
    if answer.status == 405 and _said(answer, "error") == "method_not_allowed":  # noqa: PLR2004 - the receiver's answer
        return Finding("webhook URL", Level.FINE, f"{url} is reached, and it is this receiver that answers.")
    said = f"{url} answers {answer.status}, and not as this receiver does (405, with a sentence)."
    return Finding("webhook URL", Level.WRONG, said, "Let the proxy pass /webhooks/ on to the receiver, unchanged.")


def _advice(answer: ProbeResponse) -> str:
    if answer.fault == "tls":
        return next((todo for word, todo in CERTIFICATES.items() if word in answer.said), "Mend the certificate.")
    if answer.fault == "dns":
        return "Is the name written right, and is there a DNS record for it?"
    return "Does the proxy or the tunnel run, and is the port open to the outside?"


def _ready(url: str, answer: ProbeResponse) -> Finding:
    status = _said(answer, "status")
    if answer.status == 200 and status in ("ready", "spooling"):  # noqa: PLR2004 - HTTP's own word
        said = f"{url} says {status}: webhooks are stored."
        return Finding("webhook URL", Level.FINE if status == "ready" else Level.WARNING, said, "")
    said = f"{url} does not say that webhooks can be stored ({answer.status or answer.said})."
    todo = "Is the database that `web` runs with there and migrated? (A proxy may also hide /readyz: then ignore this.)"
    return Finding("webhook URL", Level.WARNING, said, todo)


def _said(answer: ProbeResponse, name: str) -> str:
    try:
        return str(json.loads(answer.text).get(name, ""))
    except (ValueError, AttributeError):
        return ""
