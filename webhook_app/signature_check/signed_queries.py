"""Why a query that a platform's proxy signed fails: the same search, over parameters instead of a body."""

from __future__ import annotations

import html
from time import time as now
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from webhook_app.errors import BadSignatureError
from webhook_app.signature_check.change import Change
from webhook_app.signature_check.search import Diagnosis, SignatureFinding, clock_finding, finding_for
from webhook_app.signature_check.secret_variants import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from webhook_app.config.shops import Shop
    from webhook_app.platforms.base import StorefrontProxy
    from webhook_app.signature_check.search import Configuration

UNCHANGED = "Pass the query on as it came: let nothing in between add, drop or encode parameters."
MOST = 64  # parameters that are taken away one by one
LAST_RESORT = SignatureFinding(
    "None of the changes that are known reproduces it: the secret is another app's, or parameters were changed.",
    "Take the client secret of the very app that has the proxy, and look at what stands between the platform and here.",
    verified=False,
)


def query_of(text: str) -> bytes:
    """Return the query in an address, or the text itself where it is one."""
    plain = text.strip().partition("#")[0]
    return (plain.partition("?")[2] if "?" in plain else plain).encode()


def diagnose_query(
    query: bytes, proxy: StorefrontProxy, shop: Shop, known: Configuration, arrived: float | None = None
) -> Diagnosis:
    """Say whether a query proves itself to `shop`, and where it does not, why; `arrived` as in diagnose()."""
    about = f"an HMAC-SHA256 of the sorted parameters with the secret, as hex in {proxy.signature.signature_parameter}"
    names = sorted({part.partition(b"=")[0].decode("ascii", "replace")[:40] for part in query.split(b"&")[:MOST]})
    came = f"the parameters {', '.join(names)}" if query else "no query"
    try:
        proxy.verify(query, shop.secrets, now() if arrived is None else arrived)
    except BadSignatureError as error:
        found = list(_proven(query, proxy, shop, known, arrived)) or list(_odd(error, query, proxy))
        return Diagnosis(error.reason, error.hint, about, came, tuple(found) or (LAST_RESORT,))
    return Diagnosis("", "", about, came)


def _proven(
    query: bytes, proxy: StorefrontProxy, shop: Shop, known: Configuration, arrived: float | None
) -> Iterator[SignatureFinding]:
    """Yield the one change after which the query proves itself, or that it is only late."""
    sent_at = _sent_at(query, proxy, shop.secrets)
    if sent_at is not None:
        yield clock_finding((now() if arrived is None else arrived) - sent_at, known=arrived is not None)
        return
    spellings = spelled(shop, known.shops.values(), known.platforms[shop.platform].signature)
    secret = next((one for one in spellings if _sent_at(query, proxy, [one.value]) is not None), None)
    mended = secret or next(
        (one for one in _changed(query) if _sent_at(one.value, proxy, shop.secrets) is not None), None
    )
    if mended:
        yield finding_for(mended)


def _sent_at(query: bytes, proxy: StorefrontProxy, secrets: Sequence[str]) -> float | None:
    """Return when a query says it was signed, None where its signature is not right."""
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
    yield Change(entities, "Its & were written as HTML entities (&amp;) on the way.", UNCHANGED)
    yield Change(unquote_to_bytes(query), "It was URL-encoded once more on its way.", UNCHANGED)
    for place, part in enumerate(parts[:MOST]):
        name = part.partition(b"=")[0].decode("ascii", "replace")[:40]
        rest = b"&".join([*parts[:place], *parts[place + 1 :]])
        yield Change(rest, f"The parameter {name} was added on the way.", UNCHANGED)
    for name in ("logged_in_customer_id", "path_prefix"):
        yield Change(query + f"&{name}=".encode(), f"The empty parameter {name} was dropped on the way.", UNCHANGED)


def _odd(error: BadSignatureError, query: bytes, proxy: StorefrontProxy) -> Iterator[SignatureFinding]:
    names = {part.partition(b"=")[0] for part in query.split(b"&")}
    if b"hmac" in names and proxy.signature.signature_parameter.encode() not in names:
        text = "It has hmac and no signature: this is a request to the app's own address, not one of its proxy."
        yield SignatureFinding(
            text, "Use the address below the shop's own domain: https://<shop>/apps/<subpath>/...", verified=False
        )
    elif error.reason.endswith(("_missing", "_repeated")):
        yield SignatureFinding(error.hint, UNCHANGED, verified=False)
