"""Finds out why the signature of a storefront query fails, which the platform's proxy signs."""

from __future__ import annotations

import html
from time import time as now
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from webhook_app.errors import BadSignatureError
from webhook_app.signature_check.change import Change
from webhook_app.signature_check.search import Diagnosis, SignatureFinding, clock_finding, finding_for
from webhook_app.signature_check.secret_variants import variants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import StorefrontProxy
    from webhook_app.signature_check.search import Configuration

UNCHANGED = "Pass the query on unchanged: something on the way adds, removes or encodes parameters."
MOST = 64  # parameters that are removed one by one
LAST_RESORT = SignatureFinding(
    "No known change explains it: the secret belongs to another app, or parameters were changed.",
    "Use the client secret of the app that has the proxy, and check the proxies between the platform and the receiver.",
    verified=False,
)


def query_of(text: str) -> bytes:
    """Return the query of an address, or the text itself if it is a query."""
    plain = text.strip().partition("#")[0]
    return (plain.partition("?")[2] if "?" in plain else plain).encode()


def diagnose_query(
    query: bytes, proxy: StorefrontProxy, shop: Shop, known: Configuration, arrived: float | None = None
) -> Diagnosis:
    """Return whether the signature of a query is valid for `shop`, and if not, why; `arrived` as in diagnose()."""
    expected = (
        f"an HMAC-SHA256 of the sorted parameters with the secret, as hex in {proxy.signature.signature_parameter}"
    )
    names = sorted({part.partition(b"=")[0].decode("ascii", "replace")[:40] for part in query.split(b"&")[:MOST]})
    received = f"the parameters {', '.join(names)}" if query else "no query"
    try:
        proxy.verify(query, shop.secrets, now() if arrived is None else arrived)
    except BadSignatureError as error:
        found = list(_confirmed(query, proxy, shop, known, arrived)) or list(_hints(error, query, proxy))
        return Diagnosis(error.reason, error.hint, expected, received, tuple(found) or (LAST_RESORT,))
    return Diagnosis("", "", expected, received)


def _confirmed(
    query: bytes, proxy: StorefrontProxy, shop: Shop, known: Configuration, arrived: float | None
) -> Iterator[SignatureFinding]:
    """Yield the one change after which the signature matches, or that only its time is wrong."""
    sent_at = _sent_at(query, proxy, shop.secrets)
    if sent_at is not None:
        yield clock_finding((now() if arrived is None else arrived) - sent_at, known=arrived is not None)
        return
    secrets = variants(shop, known.shops.values(), known.platforms[shop.platform].signature)
    secret = next((one for one in secrets if _sent_at(query, proxy, [one.value]) is not None), None)
    undone = secret or next(
        (one for one in _changed(query) if _sent_at(one.value, proxy, shop.secrets) is not None), None
    )
    if undone:
        yield finding_for(undone)


def _sent_at(query: bytes, proxy: StorefrontProxy, secrets: Sequence[str]) -> float | None:
    """Return the time at which a query was signed, None if its signature does not match."""
    name = proxy.signature.timestamp_parameter.encode() + b"="
    values = [part.removeprefix(name) for part in query.split(b"&") if part.startswith(name)]
    moment = float(values[0]) if values and values[0].isdigit() and len(values[0]) < 13 else 0.0  # noqa: PLR2004 - digits
    try:
        proxy.verify(query, secrets, moment)
    except BadSignatureError:
        return None
    return moment


def _changed(query: bytes) -> Iterator[Change[bytes]]:
    """Yield the query as it may have been signed."""
    parts = query.split(b"&")
    entities = html.unescape(query.decode("latin-1")).encode("latin-1", "replace")
    yield Change(entities, "Its & were encoded as HTML entities (&amp;) on the way.", UNCHANGED)
    yield Change(unquote_to_bytes(query), "It was URL-encoded a second time on the way.", UNCHANGED)
    for place, part in enumerate(parts[:MOST]):
        name = part.partition(b"=")[0].decode("ascii", "replace")[:40]
        rest = b"&".join([*parts[:place], *parts[place + 1 :]])
        yield Change(rest, f"The parameter {name} was added on the way.", UNCHANGED)
    for name in ("logged_in_customer_id", "path_prefix"):
        yield Change(query + f"&{name}=".encode(), f"The empty parameter {name} was removed on the way.", UNCHANGED)


def _hints(error: BadSignatureError, query: bytes, proxy: StorefrontProxy) -> Iterator[SignatureFinding]:
    names = {part.partition(b"=")[0] for part in query.split(b"&")}
    if b"hmac" in names and proxy.signature.signature_parameter.encode() not in names:
        text = "It has hmac but no signature: this request went to the app's own address, not through its proxy."
        yield SignatureFinding(
            text, "Use the address on the shop's own domain: https://<shop>/apps/<subpath>/...", verified=False
        )
    elif error.reason.endswith(("_missing", "_repeated")):
        yield SignatureFinding(error.hint, UNCHANGED, verified=False)
