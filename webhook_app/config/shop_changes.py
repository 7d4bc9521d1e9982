"""Describes how two configurations differ: names of shops, users and keys, never a value. Pure."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhook_app.config.shops import Shop
    from webhook_app.config.users import User

LONGEST = 2000  # characters
# Attributes of a shop whose key has another name, and those that are none.
KEYS = {
    "constants": "fields",
    "constants_by_locale": "fields_by_locale",
    "constants_by_sales_channel": "fields_by_sales_channel",
}
NO_KEYS = ("name", "remarks")


def described(
    before: Mapping[str, Shop], after: Mapping[str, Shop], users: tuple[Mapping[str, User], Mapping[str, User]]
) -> str:
    """Return what was added, removed and changed; "" where nothing was. `users` are those before and after."""
    parts = [*_differences("shop", before, after), *_differences("user", *users)]
    text = "; ".join(parts)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _differences(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for verb, names in (("added", after.keys() - before.keys()), ("removed", before.keys() - after.keys())):
        if names:
            yield f"{verb} {what}{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}"
    for name in sorted(before.keys() & after.keys()):
        if changed := _changed_keys(before[name], after[name]):
            yield f"changed {what} {name} ({', '.join(changed)})"


def _changed_keys(before: Any, after: Any) -> list[str]:
    names = (one.name for one in fields(before) if getattr(before, one.name) != getattr(after, one.name))
    return sorted(KEYS.get(name, name) for name in names if name not in NO_KEYS)
