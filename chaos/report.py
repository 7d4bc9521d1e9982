"""The results: a line and a table for the terminal, JSON, and docs/faults.md, which is generated from the JSON."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEPT = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs/faults.md"


@dataclass(frozen=True, slots=True)
class Result:
    """What one scenario found; it passed when it has no fault and was not skipped. `seconds` is how long it took."""

    name: str
    about: str
    figures: dict[str, Any]
    faults: list[str]
    skipped: str
    seconds: float

    @property
    def verdict(self) -> str:
        """The result as one word."""
        return "skipped" if self.skipped else "FAILED" if self.faults else "passed"


def about(scenario: Callable[..., None]) -> str:
    """Return what a scenario's docstring promises, on one line."""
    return " ".join((scenario.__doc__ or "").split())


def line(result: Result) -> str:
    """Return a line for the terminal, with a line more for every fault."""
    text = result.skipped or _figures(result)
    faults = [f"    {fault}" for fault in result.faults]
    return "\n".join([f"{result.verdict:8} {result.name} ({result.seconds} s): {text}", *faults])


def table(results: Iterable[Result]) -> str:
    """Return the table in Markdown."""
    rows = [f"| {one.name} | {one.about} | {one.skipped or _figures(one)} | {one.verdict} |" for one in results]
    return "\n".join(["| scenario | what must hold | figures | verdict |", "|---|---|---|---|", *rows])


def store(result: Result) -> None:
    """Put a result in place of the same scenario's last one, with today's conditions, and write the page anew."""
    _keep("scenarios", {result.name: {field.name: getattr(result, field.name) for field in fields(result)}})


def keep_senders(way: str, measured: dict[str, str]) -> None:
    """Put what chaos.senders measured in place of the last of that way, and write the page anew."""
    _keep("senders", {way: {"measured": measured}})


def _keep(part: str, results: dict[str, dict[str, Any]]) -> None:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"scenarios": {}, "senders": {}}
    kept[part] |= {name: {**result, "conditions": conditions()} for name, result in results.items()}
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    PAGE.write_text(page(PAGE.read_text()))


def page(text: str) -> str:
    """Return the page with the kept results between their markers."""
    kept = json.loads(KEPT.read_text())
    text = _between(text, "faults", _scenarios(kept["scenarios"]))
    return _between(text, "senders", _senders(kept["senders"]))


def _between(text: str, marker: str, inside: str) -> str:
    before, rest = text.split(f"<!-- {marker} -->\n", 1)
    _, after = rest.split(f"<!-- /{marker} -->", 1)
    return f"{before}<!-- {marker} -->\n{inside}\n<!-- /{marker} -->{after}"


def _scenarios(kept: dict[str, Any]) -> str:
    results = [Result(**{k: v for k, v in one.items() if k != "conditions"}) for _, one in sorted(kept.items())]
    return f"{table(results)}\n\n{_conditions(kept.values())}"


def _senders(kept: dict[str, Any]) -> str:
    kinds = list(next(iter(kept.values()))["measured"]) if kept else []
    rows = [f"| {kind} | " + " | ".join(kept[way]["measured"][kind] for way in sorted(kept)) + " |" for kind in kinds]
    head = f"| slow senders | {' | '.join(sorted(kept))} |\n|---|{'---|' * len(kept)}"
    return "\n".join([head, *rows, "", _conditions(kept.values())])


def conditions() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "gunicorn": version("gunicorn"),
        "gevent": version("gevent"),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release().split("-")[0],
    }


def _conditions(kept: Iterable[dict[str, Any]]) -> str:
    text = sorted({", ".join(f"{name} {value}" for name, value in one["conditions"].items()) for one in kept})
    return "\n".join(f"Measured: {one}." for one in text)


def _figures(result: Result) -> str:
    return ", ".join(f"{name}: {_text(figure)}" for name, figure in result.figures.items())


def _text(figure: Any) -> str:
    """Return a figure without braces and quotes."""
    if isinstance(figure, dict):
        return " ".join(f"{count:,} x {name}" for name, count in figure.items()) or "none"
    return f"{figure:,}" if isinstance(figure, int) else str(figure)
