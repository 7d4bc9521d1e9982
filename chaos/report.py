"""The results: a line and a table to read, JSON to keep, and the page docs/faults.md that is made from the JSON."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs/faults.md"
BEGIN, END = "<!-- faults -->\n", "<!-- /faults -->"


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
        """Say in a word how it went."""
        return "skipped" if self.skipped else "FAILED" if self.faults else "passed"


def line(result: Result) -> str:
    """Return a line for the terminal, with a line more for every fault."""
    said = result.skipped or _figures(result)
    faults = [f"    {fault}" for fault in result.faults]
    return "\n".join([f"{result.verdict:8} {result.name} ({result.seconds} s): {said}", *faults])


def table(results: Iterable[Result]) -> str:
    """Return the table in Markdown."""
    rows = [f"| {one.name} | {one.about} | {one.skipped or _figures(one)} | {one.verdict} |" for one in results]
    return "\n".join(["| scenario | what must hold | figures | verdict |", "|---|---|---|---|", *rows])


def keep(results: Iterable[Result]) -> None:
    """Put results in place of the same scenarios' last ones, with today's conditions, and write the page anew."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for result in results:
        kept[result.name] = {**asdict(result), "conditions": conditions()}
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(PAGE.read_text()))


def page(text: str) -> str:
    """Return the page with the kept results between its markers."""
    kept = json.loads(KEPT.read_text())
    results = [Result(**{k: v for k, v in one.items() if k != "conditions"}) for _, one in sorted(kept.items())]
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}{table(results)}\n\n{_conditions(kept.values())}\n{END}{rest.split(END, 1)[1]}"


def conditions() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "gunicorn": version("gunicorn"),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release().split("-")[0],
    }


def _conditions(kept: Iterable[dict[str, Any]]) -> str:
    said = sorted({", ".join(f"{name} {value}" for name, value in one["conditions"].items()) for one in kept})
    return "\n".join(f"Measured: {one}." for one in said)


def _figures(result: Result) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.figures.items())
