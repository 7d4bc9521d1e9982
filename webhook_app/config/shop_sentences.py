"""Sentences about the keys of a shop that are missing, unknown or of the wrong kind, with what to write instead."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from webhook_app.config.shop_schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MISSING, UNKNOWN = "Missing data for required field.", "Unknown field."
# What marshmallow says, and what to write in TOML.
KINDS = {
    "Not a valid string.": 'expected text in quotes: "..."',
    "Not a valid boolean.": "expected true or false, without quotes",
    "Not a valid mapping type.": "expected a table",
}
KEYS = [field.data_key or name for name, field in SCHEMA.fields.items()]
REQUIRED = {
    "platform": "is missing: {platforms}",
    "secrets": 'is missing: what the webhooks are signed with, such as ["${{ACME_SECRET}}"]',
    "instance_key": "is missing: the key of your Tweakwise instance, 8 letters and digits",
}


def plain(keys: Sequence[str], message: str, platforms: Iterable[str]) -> str:
    """Return marshmallow's sentence about a key of a shop, in words that say what to write."""
    key = ".".join(keys)
    if message == MISSING and key in REQUIRED:
        return REQUIRED[key].format(platforms=f"one of {', '.join(sorted(platforms))}")
    if message == UNKNOWN:
        near = get_close_matches(key.lower(), KEYS, 1)
        return f"there is no such key{f'; is {near[0]} meant?' if near else ''}"
    return KINDS.get(message, message)


def no_platform(name: str, platforms: Iterable[str]) -> str:
    """Return the sentence about the name of a platform that does not exist."""
    known = sorted(platforms)
    near = get_close_matches(name.lower(), known, 1)
    meant = f"; is {near[0]} meant?" if near else ". Other shops send Standard Webhooks (standard): docs/standard.md"
    return f"there is no such platform; known are {', '.join(known)}{meant}"
