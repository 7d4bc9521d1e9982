"""What is odd about a request that does not prove itself, although it proves nothing: hints for a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhook_app.signature_check import header_changes
from webhook_app.signature_check.body_changes import EDITED, MOST_REWRITTEN, RAW

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.platforms.base import Platform

REPLACEMENT = "\ufffd".encode()

Doubt = tuple[str, str]


def doubts(
    body: bytes, headers: Mapping[str, str], platform: Platform, platforms: Mapping[str, Platform]
) -> Iterator[Doubt]:
    """Yield what is odd, each with what to do. Header names come in lower case."""
    yield from _missing(headers, platform)
    yield from _another_platform(headers, platform, platforms)
    yield from _of_body(body, headers)


def _missing(headers: Mapping[str, str], platform: Platform) -> Iterator[Doubt]:
    names = header_changes.carried_in(headers, platform.signature.describe(headers).headers)
    missing = [name for name in names if not headers.get(name)]
    if not missing:
        return
    near = [name for name in headers if header_changes.LOOKS_LIKE_PROOF.search(name) and name not in missing]
    there = f" There is {', '.join(near)}." if near else ""
    yield (
        f"The request has no {', '.join(missing)}.{there}",
        f"Set a secret at the platform. {header_changes.PASSED_ON}",
    )


def _another_platform(
    headers: Mapping[str, str], platform: Platform, platforms: Mapping[str, Platform]
) -> Iterator[Doubt]:
    ours = _asked_of(headers, platform)
    for other in platforms.values():
        theirs = _asked_of(headers, other)
        if other.name != platform.name and theirs - ours and theirs <= set(headers):
            text = f"These are the headers of {other.title}, and the shop is set up for {platform.title}."
            yield text, f"Paste the URL of a shop whose platform is {other.name}, or correct this one's `platform`."


def _asked_of(headers: Mapping[str, str], platform: Platform) -> set[str]:
    """Return the headers that a platform's requests have."""
    carriers = platform.signature.describe(headers).headers
    return {*header_changes.carried_in(headers, carriers), *platform.topic_headers[:1]}


def _of_body(body: bytes, headers: Mapping[str, str]) -> Iterator[Doubt]:
    if not body:
        yield "The body is empty.", "Give the file that holds the body as it came."
    said_length = headers.get("content-length", "")
    if said_length.isdigit() and int(said_length) != len(body):
        yield f"The body has {len(body)} bytes, and its Content-Length says {int(said_length)}.", EDITED
    if headers.get("content-encoding", "identity").lower() != "identity":
        yield "The body came compressed; it must come as it was signed.", "Switch compression off on the way."
    if REPLACEMENT in body:
        yield "Letters of the body were replaced by U+FFFD; what they were cannot be told.", RAW
    if len(body) <= MOST_REWRITTEN and _is_sorted(body):
        yield "The keys of the JSON are in alphabetical order, which no program does unasked.", RAW
    if len(body) > MOST_REWRITTEN:
        yield f"The body is larger than {MOST_REWRITTEN // 1024} KiB: JSON written anew was not tried.", RAW


def _is_sorted(body: bytes) -> bool:
    """Tell whether a JSON object has its keys in order, on every level, and enough of them for no accident."""
    try:
        orders: list[list[str]] = []
        json.loads(body, object_pairs_hook=lambda pairs: _noted(pairs, orders))
    except (ValueError, RecursionError):
        return False
    return max(map(len, orders), default=0) > 5 and all(keys == sorted(keys) for keys in orders)  # noqa: PLR2004 - of keys


def _noted(pairs: list[tuple[str, Any]], orders: list[list[str]]) -> dict[str, Any]:
    orders.append([key for key, _ in pairs])
    return dict(pairs)
