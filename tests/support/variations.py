"""Payloads with one value changed, for laws about every place of a payload."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a payload, the containers' before those inside."""
    for key in range(len(node)) if isinstance(node, list) else list(node) if isinstance(node, dict) else ():
        yield (*path, key)
        yield from places(node[key], (*path, key))


def replaced(node: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a payload with another value at a path."""
    copied = copy.copy(node)
    copied[path[0]] = replaced(node[path[0]], path[1:], value) if path[1:] else value
    return copied
