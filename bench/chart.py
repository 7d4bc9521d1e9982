"""The picture of the results: bars for what competes, lines for what waits over time. Plain SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Record = Mapping[str, Any]

WIDTH, LEFT, BAR, GAP = 860, 300, 18, 6
LONGEST = WIDTH - LEFT - 90  # room for the number at a bar's end
PLOT = 120  # height of a plot over time
OURS, OTHERS, INK = "#1b6ac9", "#b8c0cc", "#222222"
COMPETES = 1  # more contestants than this


def drawn(records: Iterable[Record]) -> str:
    """Return the whole picture."""
    shapes: list[str] = []
    top = 10
    for record in records:
        if "rate" in record["figures"] and len(record["contestants"]) > COMPETES:
            top = _bars(shapes, record, top)
        elif any(run["series"].get("waiting") for run in record["runs"]):
            top = _over_time(shapes, record, top)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="12">'
    )
    paper = f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, paper, *shapes, "</svg>", ""])


def _bars(shapes: list[str], record: Record, top: int) -> int:
    rates = {name: figures["rate"] for name, figures in record["medians"].items() if "rate" in figures}
    most = max(rates.values(), default=0) or 1
    shapes.append(_text(10, top + 14, f"{record['title']}: {record['figures']['rate']}", bold=True))
    top += 24
    for name, rate in rates.items():
        length = round(LONGEST * rate / most, 1)
        colour = OTHERS if _is_rival(record, name) else OURS
        shapes.append(_text(LEFT - 8, top + 13, record["contestants"][name], anchor="end"))
        shapes.append(f'<rect x="{LEFT}" y="{top}" width="{length}" height="{BAR}" fill="{colour}"/>')
        shapes.append(_text(LEFT + length + 6, top + 13, f"{rate:,.0f}"))
        top += BAR + GAP
    return top + 16


def _over_time(shapes: list[str], record: Record, top: int) -> int:
    waiting: Sequence[float] = next(run["series"]["waiting"] for run in record["runs"] if run["series"].get("waiting"))
    # One second's worth of events is what the line is seen against.
    scale = max(record["medians"]["ours"]["rate"], *waiting, 1)
    title = f"{record['title']}: events that wait, over {len(waiting)} s (full height: {scale:,.0f})"
    shapes.append(_text(10, top + 14, title, bold=True))
    top += 24
    width = WIDTH - 20
    step = width / max(len(waiting) - 1, 1)
    points = " ".join(
        f"{10 + step * each:.1f},{top + PLOT * (1 - value / scale):.1f}" for each, value in enumerate(waiting)
    )
    shapes.append(f'<rect x="10" y="{top}" width="{width}" height="{PLOT}" fill="none" stroke="{OTHERS}"/>')
    shapes.append(f'<polyline points="{points}" fill="none" stroke="{OURS}" stroke-width="1.5"/>')
    return top + PLOT + 24


def _is_rival(record: Record, name: str) -> bool:
    return "ours" in record["contestants"] and not record["contestants"][name].startswith("ours")


def _text(x: float, y: float, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="{INK}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
