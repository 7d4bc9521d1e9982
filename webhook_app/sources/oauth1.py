"""OAuth 1.0a without a token, as WooCommerce takes it over plain http: https://datatracker.ietf.org/doc/html/rfc5849 .

The secret itself is never sent, so that it cannot be read on the way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping


def signed(  # noqa: PLR0913, PLR0917 - what is signed
    method: str,
    url: str,
    parameters: Mapping[str, str],
    key: str,
    secret: str,
    now: float | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """Return the parameters with those that sign the request; `url` has no query. Time and nonce are made if None."""
    whole = {
        **parameters,
        "oauth_consumer_key": key,
        "oauth_nonce": nonce or secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time() if now is None else now)),
    }
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in whole.items())
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    text = "&".join((method, _quoted(url), _quoted(joined)))
    digest = hmac.new(f"{_quoted(secret)}&".encode(), text.encode(), hashlib.sha256).digest()
    return {**whole, "oauth_signature": base64.b64encode(digest).decode()}


def _quoted(text: str) -> str:
    return quote(text, safe="-._~")
