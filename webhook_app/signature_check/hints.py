"""Yields hints about an unverified request: what is unusual about it, although that is not certain to be the cause."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from webhook_app.signature_check import header_changes, lost_parts
from webhook_app.signature_check.body_changes import EDITED, LARGEST_REWRITTEN, RAW
from webhook_app.signing.base import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.platforms.base import Platform

DIGITS = re.compile(r"[0-9]{1,18}")
REPLACEMENT = "\ufffd".encode()
FEWEST_KEYS = 6  # of an object; fewer may be in alphabetical order by accident

Hint = tuple[str, str]  # what is unusual, and what to do


def hints(
    body: bytes, headers: Mapping[str, str], platform: Platform, platforms: Mapping[str, Platform]
) -> Iterator[Hint]:
    """Yield what is unusual about a request, each with advice. Header names are in lower case."""
    yield from _missing_headers(headers, platform)
    yield from _other_platforms(headers, platform, platforms)
    yield from _about_body(body, headers)


def _missing_headers(headers: Mapping[str, str], platform: Platform) -> Iterator[Hint]:
    names = header_changes.carried_in(headers, platform.signature.describe(headers).headers)
    missing = [name for name in names if not headers.get(name)]
    if not missing:
        return
    similar = [name for name in headers if header_changes.LIKE_A_SIGNATURE.search(name) and name not in missing]
    found = f" It has {', '.join(similar)}." if similar else ""
    yield (
        f"The request has no {', '.join(missing)}.{found}",
        f"Set a secret at the platform. {header_changes.PASSED_ON}",
    )


def _other_platforms(
    headers: Mapping[str, str], platform: Platform, platforms: Mapping[str, Platform]
) -> Iterator[Hint]:
    expected = _expected_headers(headers, platform)
    for other in platforms.values():
        theirs = _expected_headers(headers, other)
        if other.name != platform.name and theirs - expected and theirs <= set(headers):
            text = f"The headers are those of {other.title}, but the shop is configured for {platform.title}."
            yield text, f"Use the webhook URL of a shop whose platform is {other.name}, or correct `platform`."


def _expected_headers(headers: Mapping[str, str], platform: Platform) -> set[str]:
    """Return the headers that requests of a platform have."""
    carriers = platform.signature.describe(headers).headers
    return {*header_changes.carried_in(headers, carriers), *platform.topic_headers[:1]}


def _about_body(body: bytes, headers: Mapping[str, str]) -> Iterator[Hint]:
    if not body:
        yield "The body is empty.", "Check that the file holds the body as it was received."
    if len(body) <= LARGEST_REWRITTEN and lost_parts.is_cut(body):
        yield "The JSON of the body has no end: it was cut off, and cannot be restored.", lost_parts.WHOLE
    length = headers.get("content-length", "")
    if DIGITS.fullmatch(length) and int(length) != len(body):
        yield f"The body has {len(body)} bytes, but its Content-Length is {int(length)}.", EDITED
    if not is_plain(headers.get("content-encoding", "")):
        yield "The body was sent compressed; the receiver needs it as it was signed.", "Switch off compression."
    if REPLACEMENT in body:
        yield "Characters of the body were replaced by U+FFFD; the original ones are lost.", RAW
    if len(body) <= LARGEST_REWRITTEN and _is_sorted(body):
        yield "The keys of the JSON are in alphabetical order: it was probably parsed and written again.", RAW
    if len(body) > LARGEST_REWRITTEN:
        yield (
            f"The body is larger than {LARGEST_REWRITTEN // 1024} KiB: other ways to write the JSON were not tried.",
            RAW,
        )


def _is_sorted(body: bytes) -> bool:
    """Return whether every object of a JSON document has its keys in order, and one has enough keys to be sure."""
    try:
        orders: list[list[str]] = []
        json.loads(body, object_pairs_hook=lambda pairs: _recorded(pairs, orders))
    except (ValueError, RecursionError):
        return False
    return max(map(len, orders), default=0) >= FEWEST_KEYS and all(keys == sorted(keys) for keys in orders)


def _recorded(pairs: list[tuple[str, Any]], orders: list[list[str]]) -> dict[str, Any]:
    orders.append([key for key, _ in pairs])
    return dict(pairs)
