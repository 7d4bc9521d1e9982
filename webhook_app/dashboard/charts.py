"""Computes charts for SVG: templates draw them with attributes and classes only, so that no style is inline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 720.0, 180.0  # units of the picture
SMALLEST = 1.5  # height of a part, so that a small number can be seen beside a large one
GAP = 0.18  # share of the width of a bar
STEPS = (1, 2, 5)
MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class BarPart:
    """One coloured part of a bar; `kind` is its CSS class."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: its parts, its label, and the text of its tooltip."""

    x: float
    width: float
    label: str
    tooltip: str
    parts: tuple[BarPart, ...]


@dataclass(frozen=True, slots=True)
class Gridline:
    """A horizontal line and its number."""

    y: float
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A stacked bar chart."""

    columns: tuple[Column, ...]
    lines: tuple[Gridline, ...]  # from the bottom, at equal distances
    width: float = WIDTH
    height: float = HEIGHT


def stacked(bars: Sequence[tuple[str, str, Mapping[str, int]]], kinds: Sequence[str]) -> Chart:
    """Return a chart of bars of (label, tooltip, number by kind), the first of `kinds` at the bottom."""
    highest = max((sum(numbers.get(kind, 0) for kind in kinds) for _, _, numbers in bars), default=0)
    lines = scale(highest)
    top = max(lines[-1].value if lines else 1, 1)
    place = WIDTH / max(len(bars), 1)
    columns = []
    for position, (label, tooltip, numbers) in enumerate(bars):
        x, width = place * (position + GAP / 2), place * (1 - GAP)
        columns.append(Column(_round(x), _round(width), label, tooltip, _parts(x, width, numbers, kinds, top)))
    return Chart(tuple(columns), tuple(Gridline(_round(HEIGHT * (1 - line.value / top)), line.value) for line in lines))


def sparkline(numbers: Sequence[int], height: int = 20, step: int = 4) -> str:
    """Return the points of a line through `numbers`, for an SVG of that height and `step` units for each number."""
    top = max([*numbers, 1])
    heights = [height - 1 - number * (height - 2) / top for number in numbers]
    return " ".join(f"{position * step},{round(y, 1):g}" for position, y in enumerate(heights))


def lines(points: Sequence[Sequence[float | None]], top: float) -> tuple[str, ...]:
    """Return the SVG path of each series over equal distances; it has a gap where a value is None."""
    return tuple(_path(series, top) for series in points)


def _path(series: Sequence[float | None], top: float) -> str:
    place, parts, begins = WIDTH / max(len(series), 1), list[str](), True
    for position, value in enumerate(series):
        if value is not None:
            x, y = _round(place * (position + 0.5)), _round(HEIGHT * (1 - min(value / top, 1)))
            is_lone = begins and (position + 1 == len(series) or series[position + 1] is None)
            # A lone point is a short line: a dot would hardly be seen.
            parts.append(f"M{x - 6:g} {y:g}h12" if is_lone else f"{'M' if begins else 'L'}{x:g} {y:g}")
        begins = value is None
    return "".join(parts)


def _parts(x: float, width: float, numbers: Mapping[str, int], kinds: Sequence[str], top: int) -> tuple[BarPart, ...]:
    heights = {kind: max(HEIGHT * count / top, SMALLEST) for kind in kinds if (count := numbers.get(kind, 0))}
    if heights:
        # What is added to the smallest is taken from the largest, or the bar would be too long.
        largest = max(heights, key=lambda kind: heights[kind])
        heights[largest] -= max(sum(heights.values()) - HEIGHT, 0)
    parts, below = [], HEIGHT
    for kind, height in heights.items():
        below -= height
        parts.append(BarPart(kind, _round(x), _round(below), _round(width), _round(height)))
    return tuple(parts)


def scale(highest: int) -> list[Gridline]:
    """Return gridlines at round numbers from 0 to `highest` or just above."""
    if highest <= 0:
        return [Gridline(0, 0)]
    step = next(size for size in _sizes() if size * MOST_LINES >= highest)
    return [Gridline(0, value) for value in range(0, highest + step, step)]


def _sizes() -> list[int]:
    return [step * 10**power for power in range(15) for step in STEPS]


def _round(value: float) -> float:
    return round(value, 1)
