"""One JSON file a scenario: its conditions, every run's figures, and the medians."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.scenario import Run, medians, verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.scenario import Options, Scenario, Verdict

DIGITS = 4


def as_record(
    scenario: Scenario, options: Options, conditions: Mapping[str, Any], runs: Sequence[Run], took: float
) -> dict[str, Any]:
    """Return everything that is known about one play of a scenario; `took` is in seconds."""
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "about": scenario.about,
        "conditions": conditions,
        "options": asdict(options),
        "took_seconds": round(took, 1),
        "contestants": dict(scenario.contestants),
        "figures": dict(scenario.figures),
        "medians": _rounded(medians(runs)),
        "faults": [f"{run.contestant}, round {run.round + 1}: {run.fault}" for run in runs if run.fault],
        "runs": [_rounded(asdict(run)) for run in runs],
    }


def write(record: Mapping[str, Any], folder: Path) -> Path:
    """Write a record over the one that was there."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{record['scenario']}.json"
    file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return file


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the records of a folder by scenario."""
    records = (json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json"))
    return {record["scenario"]: record for record in records}


def runs_of(record: Mapping[str, Any]) -> list[Run]:
    """Return the runs of a record."""
    return [Run(**run) for run in record["runs"]]


def summary(scenario: Scenario, record: Mapping[str, Any]) -> str:
    """Return the result as text for the terminal."""
    lines = [record["title"]]
    for name, figures in record["medians"].items():
        shown = ", ".join(f"{record['figures'][key]} {value:g}" for key, value in figures.items())
        lines.append(f"  {record['contestants'][name]}: {shown}")
    lines += [f"  {_as_line(one)}" for one in verdicts(scenario, runs_of(record))]
    lines += [f"  INVALID: {fault}" for fault in record["faults"]]
    return "\n".join(lines)


def _as_line(one: Verdict) -> str:
    if one.median is None or one.bounds is None:
        return f"[not measured] {one.target}"
    lowest, highest = one.bounds
    return f"[{'met' if one.met else 'missed'}] {one.target}: {one.median:.3g} ({lowest:.3g} to {highest:.3g})"


def _rounded(value: Any) -> Any:
    """Cut figures to what is significant on a noisy machine."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each) for each in value]
    return value
