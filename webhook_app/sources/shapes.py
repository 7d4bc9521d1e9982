"""Reads what an API sent as the shape that it should have: one odd value never ends the reading of all orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LONGEST_LIFE = 86_400  # seconds in which a token is used


def part(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; PHP sends an object in place of a list with a hole."""
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [row for row in listed if isinstance(row, dict)]


def text(value: Any) -> str:
    """Return a text; "" for anything else."""
    return value if isinstance(value, str) else ""


def named(row: Mapping[str, Any], field: str, names: Collection[str]) -> bool:
    """Return whether a field is one of the names: its value may be of any type."""
    return text(row.get(field)) in names


def lifetime(seconds: Any, usual: float) -> float:
    """Return for how many seconds a token is valid, `usual` where no whole number says it."""
    return float(min(max(seconds, 0), LONGEST_LIFE)) if isinstance(seconds, int) else usual
