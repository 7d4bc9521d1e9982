"""Charts as numbers for SVG: the templates draw them with attributes and classes alone, so that no style is inline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 720.0, 180.0  # units of the picture
LEAST = 1.5  # what is there is seen, however little it is beside the rest
GAP = 0.18  # of a bar's place
STEPS = (1, 2, 5)
LINES = 4  # horizontal lines at the most


@dataclass(frozen=True, slots=True)
class Part:
    """One coloured piece of a bar; `kind` is its class."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: its pieces, its label, and what it says when it is pointed at."""

    x: float
    width: float
    label: str
    said: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Gridline:
    """A horizontal line and the number at its end."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A stacked bar chart."""

    columns: tuple[Column, ...]
    lines: tuple[Gridline, ...]  # the lowest first, evenly apart
    width: float = WIDTH
    height: float = HEIGHT


def stacked(bars: Sequence[tuple[str, str, Mapping[str, int]]], kinds: Sequence[str]) -> Chart:
    """Draw bars of (label, what it says, number by kind), the first of `kinds` at the bottom."""
    highest = max((sum(numbers.get(kind, 0) for kind in kinds) for _, _, numbers in bars), default=0)
    lines = scale(highest)
    top = max(lines[-1].value if lines else 1, 1)
    place = WIDTH / max(len(bars), 1)
    columns = []
    for position, (label, said, numbers) in enumerate(bars):
        x, width = place * (position + GAP / 2), place * (1 - GAP)
        columns.append(Column(_round(x), _round(width), label, said, _parts(x, width, numbers, kinds, top)))
    return Chart(tuple(columns), tuple(Gridline(_round(HEIGHT * (1 - line.value / top)), line.value) for line in lines))


def _parts(x: float, width: float, numbers: Mapping[str, int], kinds: Sequence[str], top: int) -> tuple[Part, ...]:
    heights = {kind: max(HEIGHT * count / top, LEAST) for kind in kinds if (count := numbers.get(kind, 0))}
    if heights:
        # What the smallest were given is taken from the largest, or the bar would be too long.
        largest = max(heights, key=lambda kind: heights[kind])
        heights[largest] -= max(sum(heights.values()) - HEIGHT, 0)
    parts, below = [], HEIGHT
    for kind, height in heights.items():
        below -= height
        parts.append(Part(kind, _round(x), _round(below), _round(width), _round(height)))
    return tuple(parts)


def scale(highest: int) -> list[Gridline]:
    """Return lines at round numbers from 0 to `highest` or just above."""
    if highest <= 0:
        return [Gridline(0, 0)]
    step = next(size for size in _sizes() if size * LINES >= highest)
    return [Gridline(0, value) for value in range(0, highest + step, step)]


def _sizes() -> list[int]:
    return [step * 10**power for power in range(15) for step in STEPS]


def sparkline(values: Sequence[float | None], width: float = 120.0, height: float = 28.0) -> str:
    """Return the points of a line through `values`, for SVG's polyline; those that are None are left out."""
    highest = max((value for value in values if value is not None), default=0) or 1
    step = width / max(len(values) - 1, 1)
    points = [(step * place, value) for place, value in enumerate(values) if value is not None]
    return " ".join(f"{_round(x)},{_round(height - 2 - (height - 4) * value / highest)}" for x, value in points)


def _round(value: float) -> float:
    return round(value, 1)
